"""The task speech, as the table of tasks has it."""

from lissom.tasks.kind import Kind, Option

KIND = Kind(
    examples="clips of sound",
    input="CLIP.wav",
    loader="lissom.tasks.speech.loading:load_speech_workload",
    handling="lissom.tasks.speech",
    settings="lissom.tasks.speech.options:SpeechOptions",
    requirements=("numpy", "kaldi-native-fbank", "soundfile", "soxr"),
    other="lissom.tasks.recognition.choosing:recognition_instead",
    options=(
        Option("rate", int, "Samples a second; by default as the clips have."),
        Option("seconds", float, "Window that the model hears; by default 1 for keywords, else the longest recording."),
        Option("bands", int, "Mel bands; by default 40."),
        Option("window_ms", float, "Length of a frame; by default 30."),
        Option("hop_ms", float, "From one frame to the next; by default 10."),
        Option("speaker", str, "Pattern that finds the speaker in a path."),
    ),
    varied=True,  # pace, pitch, voice, microphone and noise
)
