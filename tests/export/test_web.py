"""A bundle as a page: whole or not at all, nothing fetched unasked, and a browser answers as the artefact does."""

import functools
import hashlib
import http.server
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from lissom.core.errors import LissomError
from lissom.export import web, web_runtime
from lissom.export.web import write_web
from lissom.export.web_runtime import FILES, PACKAGE, VERSION

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with files of the runtime's names, which are known by the hashes of these."""
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in FILES}
    monkeypatch.setattr(web_runtime, "FILES", hashes)
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / f"{PACKAGE}-{VERSION}"
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(name)
    return folder


def test_the_page_holds_all_that_it_needs(bundle: Path, runtime: Path, tmp_path: Path) -> None:
    page = tmp_path / "ma page 页"
    write_web(page, bundle)
    names = {item.name for item in page.iterdir()}
    assert names == {*FILES, "index.html", "page.mjs", "handling.mjs", "model.onnx", "facts.json", "vectors.bin"}
    facts = json.loads((page / "facts.json").read_text(encoding="utf-8"))
    inputs = np.fromfile(page / "vectors.bin", "<f4").reshape(facts["vectors"]["shape"])
    with np.load(bundle / "vectors.npz") as vectors:
        assert np.array_equal(inputs, vectors["input_0"][:2])
    for name in ("index.html", "page.mjs", "handling.mjs"):
        assert not re.search(r"https?://", (page / name).read_text(encoding="utf-8")), "no outside address"


def test_without_the_runtime_nothing_is_fetched_or_written(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(web_runtime, "_fetched", lambda: pytest.fail("fetched without being asked"))
    with pytest.raises(LissomError, match="is not in") as refused:
        write_web(tmp_path / "page", bundle)
    assert "--download" in str(refused.value)
    assert not (tmp_path / "page").exists()


def test_without_npm_it_is_said(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LissomError, match="npm"):
        write_web(tmp_path / "page", bundle, download=True)


@pytest.mark.parametrize("name", FILES)
def test_an_altered_runtime_makes_no_page(bundle: Path, runtime: Path, tmp_path: Path, name: str) -> None:
    (runtime / name).write_text("something else")
    with pytest.raises(LissomError, match=f"{re.escape(name)} is not the file of {PACKAGE} {VERSION}") as refused:
        write_web(tmp_path / "page", bundle)
    assert str(runtime / name) in refused.value.message
    assert not (tmp_path / "page").exists()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An npm that gives an archive with files of the runtime's names; the archive's hash."""
    (tmp_path / "bin").mkdir()
    archive, script = tmp_path / "bin" / "made.tgz", tmp_path / "bin" / "npm"
    with tarfile.open(archive, "w:gz") as packed:
        for name in FILES:
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(name)
            packed.addfile(entry, io.BytesIO(name.encode()))
    script.write_text(f'#!/bin/sh\n/bin/cp {shlex.quote(str(archive))} "$5"\necho \'[{{"filename": "made.tgz"}}]\'\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def test_another_archive_than_is_known_is_not_kept(
    npm: str, bundle: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(runtime)
    with pytest.raises(LissomError, match=f"what npm fetched is not {PACKAGE} {VERSION}: its SHA-256 is {npm}"):
        write_web(tmp_path / "page", bundle, download=True)
    assert not runtime.exists()
    monkeypatch.setattr(web_runtime, "ARCHIVE", npm)
    write_web(tmp_path / "page", bundle, download=True)
    assert {item.name for item in runtime.iterdir()} == set(FILES)


def test_what_is_there_is_not_overwritten(bundle: Path, runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine").write_text("mine")
    with pytest.raises(LissomError, match="is not empty"):
        write_web(tmp_path / "page", bundle)
    assert [item.name for item in (tmp_path / "page").iterdir()] == ["mine"]


def test_an_empty_folder_is_filled_and_stays_the_same(
    bundle: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page"
    page.mkdir()
    (page / ".part").mkdir()  # what a kill left
    before = page.stat().st_ino
    monkeypatch.chdir(page)
    write_web(Path("."), bundle)
    assert page.stat().st_ino == before and {"index.html", "facts.json"} < set(os.listdir())
    assert set(os.listdir()) == {
        *FILES,
        "index.html",
        "page.mjs",
        "handling.mjs",
        "model.onnx",
        "facts.json",
        "vectors.bin",
    }
    with pytest.raises(LissomError, match="page is not empty"):
        write_web(Path("."), bundle)


def test_a_folder_that_cannot_be_filled_is_left_empty(
    bundle: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page").mkdir()
    rename = Path.rename

    def fails(path: Path, target: Path) -> Path:
        return pytest.fail("in the middle") if path.name == "index.html" else rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(pytest.fail.Exception):
        write_web(tmp_path / "page", bundle)
    assert list((tmp_path / "page").iterdir()) == []


def test_another_kind_of_bundle_is_refused(bundle: Path, runtime: Path, tmp_path: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    (bundle / "manifest.json").write_text(json.dumps({**manifest, "target": "ncnn"}), encoding="utf-8")
    with pytest.raises(LissomError, match="is for ncnn"):
        write_web(tmp_path / "page", bundle)
    with pytest.raises(LissomError, match="is not a bundle"):
        write_web(tmp_path / "page", tmp_path)


@pytest.mark.parametrize("name", ["model.onnx", "handling.json", "vectors.npz"])
def test_an_altered_bundle_makes_no_page(bundle: Path, runtime: Path, tmp_path: Path, name: str) -> None:
    (bundle / name).write_bytes((bundle / name).read_bytes()[:-1] + b" ")
    with pytest.raises(LissomError, match=f"{name} is (damaged|missing or was altered)"):
        write_web(tmp_path / "page", bundle)
    assert not (tmp_path / "page").exists()


def test_a_failure_in_the_middle_leaves_nothing(
    bundle: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_write_facts", lambda *arguments: pytest.fail("in the middle"))
    before = set(tmp_path.iterdir())
    with pytest.raises(pytest.fail.Exception):
        write_web(tmp_path / "page", bundle)
    assert set(tmp_path.iterdir()) == before


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the local address that it is served at."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def guess_type(self, path: str) -> str:
            return "text/javascript" if str(path).endswith(".mjs") else super().guess_type(path)

        def log_message(self, format: str, *args: object) -> None:
            pass

    folder = tmp_path / "served"
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def fetched() -> None:
    """The runtime for browsers itself, fetched where it is not kept yet."""
    try:
        web_runtime.web_runtime(download=True)
    except LissomError as error:
        pytest.skip(str(error))


@pytest.mark.skipif(BROWSER is None, reason="no browser (chromium) is installed")
def test_a_browser_answers_as_the_artefact_does(
    bundle: Path, picture: Path, served: tuple[Path, str], tmp_path: Path, fetched: None
) -> None:
    folder, address = served
    write_web(folder, bundle)
    model = onnx.load(folder / "model.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1  # as some models are: they take no other batch
    onnx.save(model, folder / "model.onnx")
    shutil.copyfile(picture, folder / "picture.png")
    expected = subprocess.run(
        [sys.executable, bundle / "predict.py", picture, "--json"], capture_output=True, text=True, check=False
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    command = [str(BROWSER), *options, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=60000"]
    done = subprocess.run(
        [*command, "--dump-dom", f"{address}/?picture=picture.png"], capture_output=True, text=True, timeout=120
    )
    assert 'data-ready="yes"' in done.stdout, done.stdout[-2000:]
    assert "2 of 2 test vectors agree" in done.stdout
    rows = re.findall(r"<td>([^<]+)</td><td>([\d.]+) %</td>", done.stdout)
    classes = json.loads(expected.stdout)["classes"]
    assert [name for name, _ in rows] == [item["name"] for item in classes]
    assert np.allclose([float(share) for _, share in rows], [100 * item["probability"] for item in classes], atol=0.2)
    assert re.search(r"[\d.]+ ms in this browser", done.stdout)
