"""The task recognition, as the table of tasks has it."""

from pathlib import Path

from lissom.tasks.kind import Kind, Option

KIND = Kind(
    examples="recordings of speech",
    input="RECORDING.wav",
    loader="lissom.tasks.recognition.loading:load_recognition_workload",
    handling="lissom.tasks.speech",
    settings="lissom.tasks.recognition.options:RecognitionOptions",
    requirements=("numpy", "kaldi-native-fbank", "soundfile", "soxr", "tokenizers"),
    options=(
        Option("tokenizer", Path, "A tokenizer.json, or a folder with one."),
        Option("language", str, "Of the speech, such as de, for a model of many."),
        Option("seconds", float, "Window that the model hears; by default 1 for keywords, else the longest recording."),
        Option("beams", int, "Alternatives that are followed at a time; by default 1."),
    ),
    disagreement="100 less the score with the original's words for the truth",
    answers="lissom.tasks.recognition.answering:heard",
    carried={
        "answering.py": "lissom.tasks.recognition.answering",
        "generating.py": "lissom.tasks.generating",
        "log_mel.py": "lissom.tasks.recognition.log_mel",
        "wave_window.py": "lissom.tasks.recognition.wave_window",
        "windows.py": "lissom.tasks.recognition.windows",
    },
)
