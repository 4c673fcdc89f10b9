"""The final answer in what a reasoning model wrote: a letter, a number below 1,000."""

import re
from collections.abc import Sequence
from typing import Final

_FINAL_CHANNEL: Final = re.compile(r"<\|channel\|>final[^<]*<\|message\|>(.*?)(?:<\|return\|>|$)", re.DOTALL)
_BOLD: Final = re.compile(r"\*\*([^*]+)\*\*")
_BOXED: Final = re.compile(r"\\boxed{\s*(\d+)\s*}")
_ANSWER: Final = re.compile(r"Answer:\s*(\d+)(?!\.)\b", re.IGNORECASE | re.MULTILINE)
_LARGEST: Final = 999


def final_channel(text: str) -> str:
    """What follows ``<|channel|>final<|message|>`` in the Harmony form of gpt-oss; the whole text where that is missing."""
    found = _FINAL_CHANNEL.search(text.strip())
    return found.group(1).strip() if found else text.strip()


def letter(text: str, last: str) -> str | None:
    """The choice that deepseek-r1 names: the last ``ANSWER: X``; with ten choices else the last letter by itself.

    Args:
        last: the last of the choices, D or J.
    """
    text = _unquoted(text.strip())
    named = _named(text, last)
    if named is None and last == "J":
        return _last(re.findall(r"\b([A-J])\b", text, re.IGNORECASE))
    return named


def harmony_letter(text: str, last: str) -> str | None:
    """The choice that gpt-oss names in its final channel: its first letter, else ``Answer: X``; else as ``letter``."""
    final = _unquoted(_BOLD.sub(r"\1", final_channel(text)))
    first = re.match(rf"^[^a-zA-Z]*([A-{last}])(?:[^a-zA-Z]|$)", final.strip(), re.IGNORECASE)
    named = first or re.search(rf"\bAnswer\s*[:.]?\s*([A-{last}])\b", final, re.IGNORECASE)
    if named:
        return named.group(1).upper()
    whole = _named(text.strip().replace(r"\n", "\n").replace(r"\'", "'"), last)
    if whole is None and last == "J":
        return _last(re.findall(r"\b([A-J])\b", final, re.IGNORECASE))
    return whole


def number(text: str) -> int | None:
    """The answer to a problem of AIME: the last boxed number, else the last ``Answer: N``; 0 to 999."""
    found = _BOXED.findall(text) or _ANSWER.findall(text)
    if not found:
        return None
    value = int(found[-1]) if len(found[-1]) < 100 else _LARGEST + 1
    return value if value <= _LARGEST else None


def _named(text: str, last: str) -> str | None:
    pattern = rf"\b(?:ANSWER|FINAL\s*ANSWER)\b\s*[:=]?\s*(?:\(?\s*([A-{last}])\s*\)?)(?:\s*$|[^A-Za-z])"
    return _last(re.findall(pattern, text, re.IGNORECASE))


def _unquoted(text: str) -> str:
    if text.startswith(("['", '["')) and text.endswith(("']", '"]')):
        text = text[2:-2].strip()
    return text.replace(r"\n", "\n").replace(r"\'", "'")


def _last(letters: Sequence[str]) -> str | None:
    return letters[-1].upper() if letters else None
