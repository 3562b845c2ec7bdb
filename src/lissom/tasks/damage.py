"""What reading a damaged file raises, alone or in an archive."""

import struct
import zipfile
import zlib

from PIL import Image

# NotImplementedError is what zipfile raises of a compression that Python lacks
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)
# what Pillow and its decoders raise besides; SyntaxError is what its PNG reader uses
NO_PICTURE = (*UNREADABLE, ValueError, SyntaxError, struct.error, Image.DecompressionBombError)
