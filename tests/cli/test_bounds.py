"""A number beyond what an option takes is refused before anything is done."""

import pytest

from dermasynth_builder.cli import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train m --rows -1", "--rows. Write a number from 0 on."),
        ("train m --seed -1", "--seed. Write a number from 0 on."),
        ("train m --seed 4294967296", "--seed. Write a number up to 4294967295."),
        ("train m --dropout 1.5", "--dropout. Write a number up to 1."),
        ("train m --warmup nan", "--warmup. Write a number from 0 on."),
        ("train m --lr inf", "--lr. Write a number above zero."),
        ("train m --batch 0", "--batch. Write a number above zero."),
        ("evaluate score a=b --seed -1", "--seed. Write a number from 0 on."),
        ("evaluate score a=b --resamples 0", "--resamples. Write a number above zero."),
        ("claims run --judge -1", "--judge. Write a number from 0 on."),
        ("build --folds 1", "--folds. Write a number from 2 on."),
    ],
)
def test_a_number_beyond_the_bound_is_refused(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert told in " ".join(capsys.readouterr().err.split())
