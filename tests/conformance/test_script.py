"""The grammar of a script, each rule on its own."""

import pytest

from .script import Directive, ScriptError, parse_script


def only(text: str) -> Directive:
    """Return the one directive of a script."""
    (directive,) = parse_script(text)
    return directive


def test_blank_lines_and_comments_stand_between_directives() -> None:
    script = "\n# one\n\n  # two\nfirst\n----\nok\n\n# three\nsecond 1\n----\n"
    assert [one.command for one in parse_script(script)] == ["first", "second"]


def test_directive_has_words_pairs_and_lists() -> None:
    directive = only('do 3 "foo" a=b c=(d, e,f)  g=()\n----\n')
    assert directive.command == "do"
    assert [one.text for one in directive.arguments[:2]] == ["3", '"foo"']
    assert [(one.key, one.values) for one in directive.arguments[2:]] == [
        ("a", ("b",)),
        ("c", ("d", "e", "f")),
        ("g", ()),
    ]
    assert directive.number(0) == 3


def test_one_value_in_parentheses_is_one_value() -> None:
    assert only("do drop=3\n").arguments[0].numbers() == (3,)
    assert only("do drop=(3)\n").arguments[0].numbers() == (3,)


def test_backslash_continues_a_directive_line() -> None:
    directive = only("do 1 \\\n   2 \\\n 3\n----\nok\n")
    assert [one.text for one in directive.arguments] == ["1", "2", "3"]
    assert directive.expected == "ok\n"
    assert directive.line == 1


def test_input_ends_at_the_separator_and_keeps_its_comments() -> None:
    directive = only("do\n  v1 l2\n# v3\n\n----\nok\n")
    assert directive.input == "v1 l2\n# v3"


def test_expected_output_ends_at_the_first_blank_line() -> None:
    first, second = parse_script("do\n----\n  a\n# b\n\nthen\n----\n")
    assert first.expected == "  a\n# b\n"
    assert (second.command, second.expected) == ("then", "")


def test_doubled_separators_enclose_output_with_blank_lines() -> None:
    script = "do\n----\n----\na\n\nb\n----\nc\n----\n----\n\nthen\n----\nok\n"
    first, second = parse_script(script)
    assert first.expected == "a\n\nb\n----\nc\n"
    assert second.command == "then"


@pytest.mark.parametrize("word", ["x", "-1", "1x", "²"])
def test_what_is_no_number_is_refused(word: str) -> None:
    with pytest.raises(ScriptError, match="not a number"):
        only(f"do {word}\n").number(0)


def test_truth_is_told_in_the_words_of_the_scripts() -> None:
    words = only("do a=true b=F c=1 d=yes\n").arguments
    assert [word.truth() for word in words[:3]] == [True, False, True]
    with pytest.raises(ScriptError, match="yes"):
        words[3].truth()


def test_file_lines_of_the_output_are_known_for_rewriting() -> None:
    first, second = parse_script("a\n----\nx\ny\n\nb\n----\n")
    assert first.expected_lines == (1, 4)
    assert second.expected_lines == (6, 7)
