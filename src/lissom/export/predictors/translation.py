"""Translate with the model beside this file, without PyTorch. requirements.txt says what it needs.

python predict.py "a sentence"...       each translated, and how long it took
python predict.py --beams 4 "a text"    follow four alternatives at a time
python predict.py --file texts.txt      the same for each line of a file, in batches; - reads from the input
python predict.py --verify              check the files' hashes and answer the test vectors
"""

import argparse
import json
import sys
import time

try:
    from checking import HERE, arguments, at_least_one, check_text, lines_of, read, run, start, tell
    from generating import Rules, beam_search, greedy, said
    from handling import SOURCE, TARGET, Wording, Words, batch_of, joined
    from runner import Runner
except ModuleNotFoundError as error:
    print(f"{error.name} is not there: pip install -r requirements.txt, or copy the bundle anew", file=sys.stderr)
    sys.exit(2)


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1, beams=None, batch=16):
        self.handling = read("handling.json")
        source, target = ((HERE / name).read_text(encoding="utf-8") for name in (SOURCE, TARGET))
        self.words = Words(source, target, Wording.from_json(self.handling["wording"]))
        self.rules = Rules.from_json(self.handling["rules"])
        self.beams = beams or int(self.handling.get("beams", 1))
        self.batch = batch
        self.loaded = Runner(HERE / read("manifest.json")["artefact"], threads)
        self.runner = self

    def run(self, inputs):
        """What is said to the test vectors."""
        return [said(self.loaded, inputs, self.handling)]

    def translate(self, texts):
        """Texts of any length, those that are too long part by part: what each says, remarks, and milliseconds each."""
        begun = time.perf_counter()
        parts = [(number, part) for number, text in enumerate(texts) for part in self.words.parts(text)]
        answers = self._answers([part for _, part in parts])
        took = (time.perf_counter() - begun) * 1e3 / len(texts)
        most = self.rules.longest - len(self.rules.prompt) - self.rules.forced_end  # such an end has the last place
        for number, text in enumerate(texts):
            mine = [place for place, (owner, _) in enumerate(parts) if owner == number]
            noted = [f"translated in {len(mine)} parts"] if len(mine) > 1 else []
            if self.words.foreign(text) or any(self.words.strange(parts[place][1]) for place in mine):
                noted.append("most of it is in a script or language that the model does not know")
            if any(len(answers[place]) >= most for place in mine):
                noted.append("it was cut off")
            translated = joined([self.words.said(answers[place]) for place in mine])
            yield {"text": text, "translation": translated, "remarks": noted, "latency_ms": took}

    def _answers(self, parts):
        """What is said to parts of texts, at most as many at a time as are translated together."""
        groups = [parts[first : first + self.batch] for first in range(0, len(parts), self.batch)]
        return [answer for group in groups for answer in self._together(group)]

    def _together(self, parts):
        decoding = self.loaded.start(list(batch_of(parts, self.words.wording.pad)), self.beams)
        if self.beams == 1:
            return greedy(decoding, len(parts), self.rules)
        return beam_search(decoding, len(parts), self.rules, self.beams)


def batches(options):
    """Texts to translate together: each one given by itself, lines of a file some at a time."""
    for text in options.texts:
        yield [text]
    if options.file:
        lines = lines_of(options.file)
        for first in range(0, len(lines), options.batch):
            yield lines[first : first + options.batch]


def answered(model, texts):
    """The texts in order; a line without text stays one."""
    given = [text for text in texts if text.strip()]
    found = iter(model.translate(given)) if given else iter(())
    for text in texts:
        if text.strip():
            yield next(found)
        else:
            yield {"text": text, "translation": "", "remarks": [], "latency_ms": 0.0}


def show(found, options):
    """One line for people: a file's lines give lines alone, with remarks beside them on the error stream."""
    if options.json:
        print(json.dumps(found, ensure_ascii=False), flush=True)
    elif options.file and not options.texts:
        print(found["translation"], flush=True)
        for remark in found["remarks"]:
            print(f"{found['text'][:60]}: {remark}", file=sys.stderr)
    else:
        noted = f"  [{'; '.join(found['remarks'])}]" if found["remarks"] else ""
        print(f"{found['translation']}{noted}  ({found['latency_ms']:.1f} ms)", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Translate without PyTorch.")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--file", help="a file with a text in each line, or - for the input")
    parser.add_argument("--beams", type=at_least_one, help="alternatives that are followed at a time")
    parser.add_argument(
        "--batch", type=at_least_one, default=16, help="lines, or parts of a text, taken together; 16 by default"
    )
    arguments(parser, classes=False)
    options = parser.parse_args()
    if not options.texts and not options.file and not options.verify:
        parser.error("give a TEXT, --file, or --verify")
    model = start(lambda: Model(options.threads, options.beams, options.batch), options.verify, options.json)
    try:
        for text in options.texts:
            check_text(text)
        for texts in batches(options):
            for found in answered(model, texts):
                show(found, options)
    except (OSError, ValueError) as error:
        return tell(error, options.json)
    return 0


if __name__ == "__main__":
    run(main)
