"""What reading a damaged file raises, alone or in an archive."""

import struct
import zipfile
import zlib

from PIL import Image

UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
# what Pillow and its decoders raise besides; SyntaxError is what its PNG reader uses
NO_PICTURE = (*UNREADABLE, ValueError, SyntaxError, struct.error, Image.DecompressionBombError)
