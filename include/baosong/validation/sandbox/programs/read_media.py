"""The program that runs MediaInfo over a film. Run as `python read_media.py LIBRARY SIZE HOW [CONTAINER CODEC]`.

Python keeps no compiled copy of the file that it is started with, so all else stands in `film_parser`.
"""

from __future__ import annotations

import sys

from baosong.validation.sandbox.programs.film_parser import main

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
