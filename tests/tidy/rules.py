"""The rules of docs/style.md that a program can see; each takes a File, yields (line, message)."""

import ast
import posixpath
import re

import source

FILE_LINES_MAX = 399
FUNCTION_LINES_MAX = 69
COLUMNS_MAX = 100
NESTING_MAX = 3

FOLDERS_REFUSED = {'utils', 'util', 'common', 'helpers', 'helper', 'base', 'misc', 'manager',
                   'managers'}
SUFFIXES_REFUSED = ('Manager', 'Helper', 'Helpers', 'Util', 'Utils', 'Handler', 'Data', 'Info',
                    'Impl')

# Written in two halves, so that this file keeps its own rule.
UNFINISHED = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK)\b')
MACHINE_PATH = re.compile(r'(?<![\w.$}~-])/(?:wo' r'rk|ro' r'ot|ho' r'me)/\w')


class File:
    def __init__(self, path, text, rooms):
        self.path, self.text, self.rooms = path, text, rooms
        self.folder, self.name = posixpath.split(path)
        self.lines = text.split('\n')
        self.is_header = path.endswith(('.h', '.cuh'))
        self.is_cpp = path.endswith(('.cc', '.h', '.cu', '.cuh'))
        self.is_python = path.endswith('.py')
        self.is_test = path.startswith('tests/') or '_test.' in self.name
        self.code = source.blank(text) if self.is_cpp else text
        self.with_strings = source.blank(text, literals=False) if self.is_cpp else text

    def find(self, pattern, text=None):
        text = self.code if text is None else text
        for match in re.finditer(pattern, text):
            yield text.count('\n', 0, match.start()) + 1, match

    def includes(self):
        for line, match in self.find(r'(?m)^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]',
                                     self.with_strings):
            yield line, match.group(2), match.group(1) == '"'


def names(file):
    for folder in file.folder.split('/'):
        if folder in FOLDERS_REFUSED:
            yield 1, f'a folder called "{folder}" names no noun'
    if re.search(r'\.(?:cpp|cxx|hpp|hh|c\+\+)$', file.name):
        yield 1, 'C++ files end in .cc and .h'
    if (file.is_cpp or file.is_python) and not re.fullmatch(r'[a-z0-9_]+\.\w+', file.name):
        yield 1, 'a file is named in snake_case'
    if not file.is_cpp:
        return
    kinds = r'(?:class|struct|enum(?:\s+class)?)'
    for line, match in file.find(rf'\b{kinds}\s+(\w+)\s*(?:final\s*)?[:{{]'):
        if match.group(1).endswith(SUFFIXES_REFUSED):
            yield line, f'"{match.group(1)}" ends in a word that says nothing'


def sizes(file):
    if not (file.is_cpp or file.is_python):
        return
    count = len(file.lines) - (1 if file.lines[-1] == '' else 0)
    if count > FILE_LINES_MAX:
        yield 1, f'the file has {count} lines; at most {FILE_LINES_MAX}'
    for number, line in enumerate(file.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f'the line has {len(line)} columns; at most {COLUMNS_MAX}'


def functions(file):
    if file.is_python:
        yield from python_functions(file)
    if not file.is_cpp:
        return
    for block in source.blocks(file.code):
        lines = block.end - block.begin + 1
        if block.kind == 'function' and lines > FUNCTION_LINES_MAX:
            yield block.begin, f'the function has {lines} lines; at most {FUNCTION_LINES_MAX}'
        if block.kind == 'control' and block.control_depth == NESTING_MAX + 1:
            yield block.begin, f'control is nested deeper than {NESTING_MAX}'


def python_functions(file):
    try:
        tree = ast.parse(file.text)
    except SyntaxError as error:
        yield error.lineno or 1, 'this Python does not parse'
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f'the function has {lines} lines; at most {FUNCTION_LINES_MAX}'


def headers(file):
    if file.is_header and not file.text.startswith('//'):
        yield 1, 'a header opens with a comment that says what the thing is'
    if file.is_header and '#pragma once' not in file.code:
        yield 1, 'a header has #pragma once'


def includes(file):
    if not file.is_cpp:
        return
    allowed = file.rooms.allowed(file.path)
    for line, path, quoted in file.includes():
        protobuf = path.endswith(('.pb.h',)) or path.startswith(('grpc', 'google/protobuf'))
        if protobuf and not file.path.startswith('federation/transport/'):
            yield line, f'protobuf and gRPC end in federation/transport: {path}'
        heavy = path.startswith(('spdlog/', 'fmt/', 'CLI/', 'nlohmann/'))
        if heavy and file.is_header and path != 'nlohmann/json_fwd.hpp':
            yield line, f'a heavy library stays out of headers: {path}'
        if path == 'sqlite3.h' and (file.is_header or len(file.rooms.stores(file.folder)) > 1):
            yield line, 'SQL stays in one file of its room, its store'
        room = posixpath.dirname(path)
        if quoted and not protobuf and allowed is not None and room and room not in allowed:
            yield line, f'CMake declares no way from here to {room}: {path}'


def time_and_chance(file):
    if not file.is_cpp:
        return
    # A program's main is where the real clock is handed in; gRPC's deadlines are wall-clock times.
    behind_clock = (file.path.startswith(('federation/clock', 'federation/loop/',
                                          'federation/transport/'))
                    or file.name == 'main.cc')
    if not behind_clock:
        for line, _ in file.find(r'\bsystem_clock::now\b|\bgettimeofday\s*\(|\bstd::time\s*\('
                                 r'|\bCLOCK_REALTIME\b|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)'):
            yield line, 'wall-clock time comes from federation/clock'
    for line, _ in file.find(r'\bstd::(?:\w+_distribution|mt19937\w*|random_device'
                             r'|default_random_engine|minstd_rand0?|rand|srand)\b'):
        yield line, 'chance comes from federation/random, without std:: engines or distributions'


def tests(file):
    if not (file.is_test and file.is_cpp):
        return
    for line, _ in file.find(r'\b(?:sleep_for|sleep_until|usleep|nanosleep)\b'
                             r'|(?<![\w.>:])sleep\s*\('):
        yield line, 'a test never sleeps'
    # An address that is only text may have any port; one that is bound or dialled may not.
    for line, _ in file.find(r'(?i)(?:listen|bind|dial|connect|serve|port)\w*\s*\([^;{}]*'
                             r'"(?:127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1?\]):[1-9]'
                             r'|\bhtons\s*\(\s*[1-9]', file.with_strings):
        yield line, 'a test never names a port'


def leftovers(file):
    for line, match in file.find(UNFINISHED, file.text):
        yield line, f'{match.group(0)}: what cannot be done now is absent'
    for line, _ in file.find(MACHINE_PATH, file.text):
        yield line, 'a path of one machine'


ALL = (names, sizes, functions, headers, includes, time_and_chance, tests, leftovers)
