"""Pictures in folders and zips of class folders."""

from pathlib import Path

from lissom.tasks.class_folders import Kind, arrange, names_in_folder, open_zip
from lissom.tasks.image.pictures import FilePictures, ZipPictures
from lissom.tasks.listing import Found

ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
PICTURES = Kind("picture", "pictures", ENDINGS)


def find_in_folder(folder: Path) -> Found:
    """List the pictures below a folder.

    Raises:
        LissomError: there are none, or a class has too few.
    """
    names = names_in_folder(folder, PICTURES)
    return arrange(str(folder), folder.name, FilePictures(folder, names), names, PICTURES)


def find_in_zip(path: Path) -> Found:
    """List the pictures in a zip, which is then read in place.

    Raises:
        LissomError: it is not a whole zip, holds no pictures, or a class has too few.
    """
    archive, names = open_zip(path, PICTURES)
    return arrange(str(path), path.stem, ZipPictures(archive, names), names, PICTURES)
