"""What CMake declares: rooms, what each may reach, and which target a source belongs to."""

import posixpath
import re
from dataclasses import dataclass

CALL = re.compile(r'\bdure_(room|program|test|fuzz)\s*\(([^()]*)\)')
WORDS = {'LAYER', 'SOURCES', 'USES', 'LINKS', 'PRIVATE_LINKS', 'LABELS', 'TIMEOUT'}


@dataclass
class Target:
    kind: str
    name: str      # a room's folder, otherwise the target's name
    folder: str    # where its CMakeLists.txt stands
    sources: list  # patterns: a CMake variable matches anything
    uses: list


def pattern_of(source):
    parts = re.split(r'\$\{\w+\}', source)
    return re.compile('.*'.join(re.escape(part) for part in parts) + '$')


def parse(path, text):
    text = re.sub(r'#[^\n]*', '', text)
    folder = posixpath.dirname(path)
    for match in CALL.finditer(text):
        fields, current = {'': []}, ''
        for word in match.group(2).split():
            if word in WORDS:
                current = word
                fields.setdefault(current, [])
            else:
                fields[current].append(word)
        if not fields['']:
            continue
        sources = [pattern_of(source) for source in fields.get('SOURCES', [])]
        yield Target(match.group(1), fields[''][0], folder, sources, fields.get('USES', []))


class Rooms:
    def __init__(self, cmake_files, sql_files=()):
        """cmake_files: {path: text} of every CMakeLists.txt; sql_files: sources that speak SQL."""
        self.sql_files = sql_files
        self.targets = [t for path, text in sorted(cmake_files.items()) for t in parse(path, text)]
        self.uses = {t.name: t.uses for t in self.targets if t.kind == 'room'}

    def stores(self, folder):
        return [path for path in self.sql_files if posixpath.dirname(path) == folder]

    def reach(self, rooms):
        seen, rest = set(), list(rooms)
        while rest:
            room = rest.pop()
            if room not in seen:
                seen.add(room)
                rest.extend(self.uses.get(room, []))
        return seen

    def allowed(self, path):
        """The rooms a file may include from, or None where CMake does not say."""
        folder, name = posixpath.split(path)
        starts = [folder] if folder in self.uses else []
        known = bool(starts)
        for target in self.targets:
            if target.folder == folder and any(s.match(name) for s in target.sources):
                known = True
                starts.extend([target.name] if target.kind == 'room' else target.uses)
        return self.reach(starts) | {folder} if known else None
