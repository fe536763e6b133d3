#!/usr/bin/env bash
# pymediainfo 7.0.1 (libmediainfo 24.12): BitRate of a MOV with an edit list is the rate of the first pictures of the
# file, whether they are shown or not. A film is made of 25 dull pictures, then 25 noisy ones, and `ffmpeg -ss 1 -c copy`
# keeps all 50 but lets its edit list begin with the 26th. MediaInfo says Duration 1 s, rightly, and as BitRate and
# StreamSize those of the first 25, of which none is shown: a fourteenth of the rate of the film. The same pictures shown
# 40 ms later lose a picture's bytes in the sum and gain its time in the length. Source_StreamSize is the whole track's.
#
# Seen (2026-11-28):
#   shown 14.20 Mbps, not shown 1.02 Mbps; MediaInfo: 1.02 Mbps for 1.0 s
#   shown 40 ms later: 7.61 Mbps; MediaInfo: 7.16 Mbps for 2.04 s
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pymediainfo==7.0.1 imageio-ffmpeg==0.6.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg
from pymediainfo import MediaInfo

print("libmediainfo", MediaInfo._get_library()[2], "ffmpeg", imageio_ffmpeg.get_ffmpeg_version())


def ffmpeg(*arguments):
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


noise = "noise=alls=60:allf=t:enable='gte(n,25)'"
source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-frames:v", "50", "-vf", noise]
coder = ["-c:v", "mpeg2video", "-g", "50", "-sc_threshold", "1000000000", "-q:v", "4", "-bf", "0"]
ffmpeg(*source, *coder, "whole.mov")
ffmpeg("-ss", "1", "-i", "whole.mov", "-c", "copy", "trimmed.mov")
ffmpeg("-itsoffset", "0.04", "-i", "whole.mov", "-c", "copy", "late.mov")

data = Path("trimmed.mov").read_bytes()
at = data.index(b"stsz") + 16
sizes = struct.unpack_from(f">{struct.unpack_from('>I', data, at - 4)[0]}I", data, at)
assert len(sizes) == 50, "ffmpeg no longer keeps what its edit list leaves out"
hidden, shown = 8 * sum(sizes[:25]), 8 * sum(sizes[25:])
told = MediaInfo.parse("trimmed.mov").video_tracks[0]
print(f"shown {shown / 1e6:.2f} Mbps, not shown {hidden / 1e6:.2f} Mbps; ", end="")
print(f"MediaInfo: {told.bit_rate / 1e6:.2f} Mbps for {told.duration / 1000} s")
late = MediaInfo.parse("late.mov").video_tracks[0]
print(f"shown 40 ms later: {(hidden + shown) / 2e6:.2f} Mbps; ", end="")
print(f"MediaInfo: {late.bit_rate / 1e6:.2f} Mbps for {late.duration / 1000} s")
assert told.bit_rate == hidden and told.duration == 1000, "the behaviour has changed"
assert late.bit_rate < 0.96 * (hidden + shown) / 2, "the behaviour has changed"
PYTHON
