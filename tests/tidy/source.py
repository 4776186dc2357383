"""C++ text seen two ways: without comments and literals, and as a tree of braces."""

import re
from dataclasses import dataclass

LITERAL_OR_COMMENT = re.compile(
    r'//[^\n]*(?:\\\n[^\n]*)*'                            # a line comment
    r'|/\*.*?\*/'                                         # a block comment
    r'|R"(?P<delimiter>[^()\s\\]{0,16})\(.*?\)(?P=delimiter)"'  # a raw string
    r'|"(?:\\.|[^"\\\n])*"'                               # a string
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",              # a character, not a digit separator
    re.DOTALL)


def blank(text, comments=True, literals=True):
    """The text with comments and the insides of literals as spaces; lines stay where they are."""

    def spaces(match):
        found = match.group(0)
        is_comment = found.startswith('/')
        if (is_comment and not comments) or (not is_comment and not literals):
            return found
        hidden = re.sub(r'[^\n]', ' ', found)
        return hidden if is_comment else '"' + hidden[1:-1] + '"'

    return LITERAL_OR_COMMENT.sub(spaces, text)


@dataclass
class Block:
    kind: str           # namespace, type, function, lambda, control, block, initializer
    head: str           # the words before the brace
    begin: int          # line of the opening brace
    end: int = 0
    control_depth: int = 0


LABEL = re.compile(
    r'^(?:(?:case\b[^:]*|default|public|private|protected|[A-Za-z_]\w*)\s*:(?!:)\s*)+')
CONTROL = re.compile(r'^(?:else\b|do$|try$|(?:if|for|while|switch|catch)\b)')
LAMBDA = re.compile(
    r'\[[^\[\]]*\]\s*(?:<[^<>]*>\s*)?'
    r'(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*)?'
    r'(?:mutable\s*|noexcept\s*|constexpr\s*)*(?:->\s*[\w:<>,&*\s]+)?$')


def kind_of(head, parent):
    head = LABEL.sub('', head.strip())
    in_code = parent in ('function', 'lambda', 'control', 'block')
    if re.match(r'^(?:inline\s+)?namespace\b|^extern\s+""$', head):
        return 'namespace'
    if LAMBDA.search(head) and not head.startswith('[['):
        return 'lambda'
    if in_code:
        if CONTROL.match(head):
            return 'control'
        return 'block' if head == '' else 'initializer'
    if re.search(r'\b(?:class|struct|union|enum)\b', head) and not head.endswith(')'):
        return 'type'
    if '(' in head and not re.search(r'=\s*$', head):
        return 'function'
    return 'initializer'


# A member initialized with braces in a constructor's list: `A::A(int x) : x_{x}`.
MEMBER = re.compile(r'\)\s*(?:noexcept\s*)?:(?!:).*[\w>]$')
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.MULTILINE)


class Braces:
    """Follows the braces of blanked code, one character at a time."""

    def __init__(self):
        self.found, self.stack = [], []
        self.head, self.line, self.parentheses = '', 1, 0

    def open(self):
        head = ' '.join(self.head.split())
        parent = self.stack[-1][0] if self.stack else None
        scope = parent.kind if parent else 'namespace'
        kind = kind_of(head, scope)
        is_member = kind == 'function' and MEMBER.search(head)
        if kind != 'lambda' and (self.parentheses > 0 or is_member):
            kind = 'initializer'
        depth = parent.control_depth if parent and kind not in ('function', 'lambda') else 0
        block = Block(kind, head, self.line, control_depth=depth + (kind == 'control'))
        self.found.append(block)
        self.stack.append((block, self.head, self.parentheses))
        self.head, self.parentheses = '', 0

    def close(self):
        if not self.stack:
            return
        block, head, self.parentheses = self.stack.pop()
        block.end = self.line
        # What holds a value goes on after it; a body ends its statement.
        self.head = head + '{}' if block.kind in ('initializer', 'lambda') else ''

    def take(self, character):
        self.line += character == '\n'
        if character == '{':
            self.open()
        elif character == '}':
            self.close()
        elif character == ';' and self.parentheses == 0:
            self.head = ''
        else:
            self.parentheses += {'(': 1, ')': -1}.get(character, 0)
            self.head += character


def blocks(code):
    """Every brace pair of blanked code, in order of its opening."""
    # Directives are not statements, and their braces need not pair.
    code = DIRECTIVE.sub(lambda match: re.sub(r'[^\n]', ' ', match.group(0)), code)
    braces = Braces()
    for character in code:
        braces.take(character)
    return [block for block in braces.found if block.end]
