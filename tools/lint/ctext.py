"""Reads C as lines and functions: comments and literals blanked, function bodies found by their braces in column 0."""
import re
from dataclasses import dataclass
from pathlib import Path

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(match):
    """The same number of lines and columns, without what stood there. A literal keeps its quotes."""
    text = match.group()
    inside = re.sub(r"[^\n]", " ", text)
    return text[0] + inside[1:-1] + text[-1] if text[0] in "\"'" else inside


@dataclass
class Function:
    name: str
    first: int  # line of its opening brace, from 1
    last: int

    @property
    def length(self):
        return self.last - self.first - 1


class Source:
    """One C file: `raw` and `code` lines (code without comments and literals), and its functions."""

    def __init__(self, path):
        self.path = Path(path)
        text = self.path.read_text(encoding="utf-8")
        self.raw = text.split("\n")
        self.code = TOKEN.sub(blank, text).split("\n")
        self.functions = list(self._functions())

    def _functions(self):
        first = None
        for number, line in enumerate(self.code, 1):
            if line.rstrip() == "{":
                first = number
            elif line.rstrip() == "}" and first is not None:
                yield Function(self._name_above(first), first, number)
                first = None

    def _name_above(self, brace):
        """The name before the parameter list that ends above the brace."""
        head = ""
        for line in reversed(self.code[:brace - 1]):
            head = line + " " + head
            if re.match(r"[A-Za-z_]", line):
                break
        names = re.findall(r"([A-Za-z_]\w*)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
        return names[-1 if not names else 0] if names else "?"
