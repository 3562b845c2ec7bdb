"""How an artefact is run without PyTorch and without lissom: a file for each runtime, copied into bundles as it is.

A runner file has ``Runner(path, threads).run(inputs)`` and the ``REQUIREMENTS`` of that. It imports its runtime and
numpy, nothing else.
"""
