"""What a benchmark sends, and how it says what it found."""

import base64
import json
import math
import random

import pytest

from raftwerk.cli.bench_load import Tally
from raftwerk.cli.bench_mix import PREFIX, Mix, parse_mix
from raftwerk.cli.bench_report import (
    make_report,
    percentile_of,
    plot_lines,
    report_lines,
)
from raftwerk.errors import ConfigError

MIXES = [
    # text                  shares
    ("put", {"put": 1.0}),
    ("put,get", {"put": 0.5, "get": 0.5}),
    (" put=1 , txn=3 ", {"put": 0.25, "txn": 0.75}),
    ("put=2,get=0", {"put": 1.0}),
]

NO_MIXES = ["", "puts", "put=", "put=-1", "put=1.5", "put,put", "put=0", "put;get"]


def mix_of(text: str, seed: int = 1) -> Mix:
    return Mix(parse_mix(text), keys=7, key_bytes=40, value_bytes=9, seed=seed)


@pytest.mark.parametrize(("text", "shares"), MIXES)
def test_a_mix_is_shares(text: str, shares: dict[str, float]) -> None:
    assert parse_mix(text) == shares


@pytest.mark.parametrize("text", NO_MIXES)
def test_what_is_no_mix_is_named_with_what_is_one(text: str) -> None:
    with pytest.raises(ConfigError, match="put=3,get=1|above 0"):
        parse_mix(text)


def test_requests_are_drawn_by_their_shares_from_a_seed() -> None:
    mix, same = mix_of("put=3,get=1"), mix_of("put=3,get=1")
    drawn = [mix.draw() for _ in range(2000)]
    assert drawn == [same.draw() for _ in range(2000)]
    puts = sum(shot.kind == "put" for shot in drawn)
    assert 1300 < puts < 1700
    assert len({shot.body for shot in drawn if shot.kind == "get"}) == 7


def test_each_request_is_json_about_a_key_of_the_size_that_was_asked_for() -> None:
    mix = mix_of("put,get,stale,txn")
    for shot in [*mix.all_keys(), *(mix.draw() for _ in range(100))]:
        said = json.loads(shot.body)
        about = said["compare"][0] if shot.kind == "txn" else said
        key = base64.b64decode(about["key"])
        assert key.startswith(PREFIX) and len(key) == 40
        assert (shot.kind == "stale") == ("serializable" in said)
        if shot.kind == "put":
            assert len(base64.b64decode(said["value"])) == 9


def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed() -> None:
    draw = random.Random(7)
    for _ in range(200):
        values = sorted(draw.random() for _ in range(draw.randint(1, 30)))
        percentile = draw.choice([1.0, 50.0, 90.0, 99.0, 99.9, 100.0])
        found = percentile_of(values, percentile)
        wanted = math.ceil(len(values) * percentile / 100)
        assert sum(value <= found for value in values) >= wanted
        assert sum(value < found for value in values) < wanted


def test_figures_of_each_kind_and_of_all_fit_a_terminal() -> None:
    tally = Tally()
    tally.seconds = {"put": [0.002] * 90_000, "get": [0.001] * 99 + [4.0]}
    tally.troubles["http://a:1: 503 busy"] += 3
    report = make_report(tally, 10.0)
    assert [each.kind for each in report.figures] == ["get", "put", "all"]
    get = report.figures[0]
    assert (get.answers, get.per_second) == (100, 10.0)
    assert get.percentiles_millis == {"50": 1.0, "90": 1.0, "99": 1.0, "99.9": 4000.0}
    assert get.max_millis == 4000.0
    assert report.failed == 3
    lines = report_lines(report) + plot_lines(tally)
    assert max(map(len, lines)) <= 80
    assert any("503 busy" in line for line in lines)


def test_each_answer_has_its_place_in_the_plot() -> None:
    draw = random.Random(3)
    for size in (1, 2, 50, 1000):
        tally = Tally()
        tally.seconds = {"put": [draw.expovariate(100.0) for _ in range(size)]}
        bars = plot_lines(tally)[1:]
        assert sum(int(line.split()[-1].replace(",", "")) for line in bars) == size
