"""Text from files of others, made safe to print: no terminal control sequences, nothing that cannot be encoded."""


def printable(text: str) -> str:
    """The text with every character that is not printable replaced; line ends and tabs become spaces."""
    return "".join(
        character
        if character.isprintable()
        else " "
        if character in "\n\r\t"
        else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
