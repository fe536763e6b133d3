"""What a track of a MOV or MP4 shows: its edit list applied to the sizes and times of its pictures."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain, repeat
from operator import add

TYPE_CHECKING = False  # see `movie`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from baosong.validation.sandbox.programs.movie import Matrix, Movie, Reader, Run, Track

Span = tuple[float, float, float]  # begin and end by the track's clock, and the speed
_EVER = float("inf")  # `math` is a library to load
PRORES = 28  # bytes of a picture's head
_TURNS = {
    (1, 0, 0, 1): "",
    (0, 1, -1, 0): "90",
    (-1, 0, 0, -1): "180",
    (0, -1, 1, 0): "270",
    (1, 0, 0, -1): "flipped",
    (-1, 0, 0, 1): "mirrored",
}


def told(movie: Movie, size: int, read: Reader) -> dict[str, object]:
    """Return what is worth telling of a film of `size` bytes, as JSON values; its picture tracks by their numbers.

    `read` is asked for the head of a first picture.
    """
    pictures = [track for track in movie.tracks if track.kind == b"vide"]
    return {
        "in_pieces": movie.in_pieces,
        "finished": movie.finished,
        "beyond": movie.beyond,
        "essence": movie.essence,
        "tracks": {str(track.number): _track(movie, track, size, read) for track in pictures},
    }


def _track(movie: Movie, track: Track, size: int, read: Reader) -> dict[str, object]:
    found: dict[str, object] = {"turned": turned(movie.matrix, track.matrix), "elsewhere": track.elsewhere}
    found["scan"] = _scan(track, size, read)
    found["claimed"] = claimed = sum(track.sizes)  # of a long film it costs more than all else here
    found["outside"] = any(end > size for end in track.ends)
    if track.too_long or not track.scale:
        return found
    payload, seconds, pictures = shown(track, movie.scale, claimed)
    times = _mended(track.times)
    found |= {"bytes": payload, "seconds": seconds, "pictures": pictures}
    found["steady"] = len({each for count, each in times if count}) <= 1
    return found


def hevc_scan(flags: int) -> str:
    """Return the scan by the byte of an H.265 profile that tells it; empty where it does not."""
    return {0b10: "Progressive", 0b01: "Interlaced"}.get(flags >> 6, "")


def _scan(track: Track, size: int, read: Reader) -> str:
    """Return the scan where the codec says it beside the container's `fiel`, which MediaInfo alone believes."""
    codec, profile = track.sample[4:8], track.sample.find(b"hvcC")
    if profile >= 0:
        return hevc_scan(track.sample[profile + 10])
    if codec[:2] == b"ap" and 0 < track.first <= size - PRORES:
        head = read(track.first, PRORES)
        if head[4:8] == b"icpf":
            return "Interlaced" if head[20] >> 2 & 3 else "Progressive"
    return ""


def turned(movie: Matrix, track: Matrix) -> str:
    """Return how a picture is turned: by degrees, `flipped` (upside down), `mirrored`, or `other`; empty if upright."""
    a, b, c, d = track
    e, f, g, h = movie
    both = (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)
    largest = max(map(abs, both)) or 1
    a, b, c, d = ((n > largest / 1000) - (n < -largest / 1000) for n in both)
    return _TURNS.get((a, b, c, d), "other")


def shown(track: Track, scale: int, claimed: int) -> tuple[float, float, float]:
    """Return bytes, seconds and pictures of what is shown, each picture by the share of its time that is.

    `scale` is the movie's ticks a second, `claimed` the bytes of all pictures.
    """
    times = _mended(track.times)
    whole = sum(count * each for count, each in times)
    first = track.begin + (track.orders[0][1] if track.orders else 0)
    spans: list[Span] = [
        (begin, begin + length / (scale or 1) * track.scale * speed if length else first + whole, speed)
        for length, begin, speed in track.edits
        if begin >= 0 and speed > 0
    ]
    clock = track.scale / (scale or 1) * 2  # of the movie's ticks, by which an edit may miss its mark
    all_of_it = len(spans) == 1 and spans[0][0] <= first + clock and spans[0][1] >= first + whole - clock
    if (track.edits and not all_of_it) or len({order for _, order in track.orders}) > 1:
        return _of_spans(track, times, spans if track.edits else [(-_EVER, _EVER, 1.0)])
    return claimed, whole / track.scale / (spans[0][2] if spans else 1), len(track.sizes)


def _of_spans(track: Track, times: list[Run], spans: list[Span]) -> tuple[float, float, float]:
    lengths = list(_each(times))
    stamped = map(add, accumulate(lengths, initial=track.begin), chain(_each(track.orders), repeat(0)))
    pictures_in_time = sorted(zip(stamped, track.sizes, lengths, strict=False))
    if not pictures_in_time:
        return 0, 0, 0
    last, _, length = pictures_in_time[-1]
    stamps = [stamp for stamp, _, _ in pictures_in_time] + [last + length]
    sums = list(accumulate((size for _, size, _ in pictures_in_time), initial=0))
    payload = seconds = pictures = 0.0
    for begin, end, speed in spans:
        low, high = max(begin, stamps[0]), min(end, stamps[-1])
        if low < high:
            (bytes_low, n_low), (bytes_high, n_high) = _until(low, stamps, sums), _until(high, stamps, sums)
            payload, pictures = payload + bytes_high - bytes_low, pictures + n_high - n_low
            seconds += (high - low) / track.scale / speed
    return payload, seconds, pictures


def _until(time: float, stamps: list[int], sums: list[int]) -> tuple[float, float]:
    """Return how many bytes and pictures are shown until a time within the film."""
    at = min(bisect_right(stamps, time) - 1, len(sums) - 2)
    share = min(1.0, (time - stamps[at]) / ((stamps[at + 1] - stamps[at]) or 1))
    return sums[at] + share * (sums[at + 1] - sums[at]), at + share


def _mended(times: list[Run]) -> list[Run]:
    """Return times whose last picture lasts as long as all others: programs close a film with any number there."""
    if len(times) == 2 and times[1][0] == 1 and times[1][1] < times[0][1]:
        return [(times[0][0] + 1, times[0][1])]
    return times


def _each(runs: Iterable[Run]) -> Iterator[int]:
    return chain.from_iterable(repeat(each, count) for count, each in runs)
