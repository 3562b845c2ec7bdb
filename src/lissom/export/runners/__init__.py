"""How an artefact is run without PyTorch and without lissom: a file for each runtime, copied into bundles.

A runner file has ``Runner(path, threads).run(inputs)`` and the ``REQUIREMENTS`` of that. It imports its runtime, numpy
and other files of this folder, which are carried beside it, nothing else.
"""
