"""`takeback gif`: as many frames as it says, of the states that the trace has."""

import shutil

import pytest
from PIL import Image

from csp.errors import BadInput
from experiments.ceiling.command import Ceiling
from experiments.ceiling.command import main as ceiling
from experiments.gif import HOLD, Gif, _moments, main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gif") / "run"
    ceiling(Ceiling(count=2, decoders=("dsatur", "no-net-raster"), out=folder, workers=1))
    return folder


def test_a_picture_moves_from_the_first_call_to_the_last(run, tmp_path):
    main(Gif(run, 2, frames=10, out=tmp_path / "a.gif"))
    with Image.open(tmp_path / "a.gif") as made:
        frames = [made.seek(place) or made.convert("RGB").tobytes() for place in range(made.n_frames)]
    assert 5 <= len(frames) <= 10 + HOLD and frames[0] != frames[-1]  # frames that are alike are written once
    main(Gif(run, 2, out=tmp_path / "last.png"))
    main(Gif(run, 2, out=tmp_path / "again.png"))
    assert (tmp_path / "last.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_moments_begin_at_nothing_end_at_all_and_stay():
    assert _moments([{"calls": 3}, {"calls": 7}], 100) == [*range(8), *[7] * HOLD]
    many = _moments([{"calls": 5000}], 50)
    assert many[0] == 0 and many[-1] == 5000 and len(many) == 50 + HOLD


def test_films_are_made_where_ffmpeg_is(run, tmp_path):
    if shutil.which("ffmpeg"):
        main(Gif(run, 1, frames=4, out=tmp_path / "a.mp4"))
        assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"
    else:
        with pytest.raises(BadInput, match="needs ffmpeg"):
            main(Gif(run, 1, out=tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"puzzle": 3}, "the run has 1 to 2"),
        ({"puzzle": 0}, "the run has 1 to 2"),
        ({"decoders": ("ar",)}, "no decoder 'ar'"),
        ({"out": "a.jpg"}, "gif, .mp4 or .png"),
        ({"speed": 0.0}, "--speed above 0"),
    ],
)
def test_what_cannot_be_drawn_is_named(run, tmp_path, words, said):
    if "out" in words:
        words = {"out": tmp_path / words["out"]}
    with pytest.raises(BadInput, match=said):
        main(Gif(run, **words))
