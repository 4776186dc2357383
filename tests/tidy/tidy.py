#!/usr/bin/env python3
"""Enforces docs/style.md over every tracked file: prints `path:line: what is wrong`, if anything
is, and then ends with 1.

    tidy.py [ROOT]
"""

import os
import subprocess
import sys

import rooms
import rules

TEXT = ('.cc', '.h', '.cu', '.cuh', '.py', '.md', '.txt', '.cmake', '.proto', '.sh', '.json',
        '.toml', '.cpp', '.hpp', '.cxx', '.hh', '.service', '.html', '.css', '.js')
# Bytes for parsers, kept as they were found.
SKIPPED = ('tests/fuzz/corpus/', 'build/', '.demo/')


def tracked(root):
    """Paths of tracked files; of all files where there is no repository."""
    listing = subprocess.run(['git', '-c', 'safe.directory=*', '-C', root, 'ls-files', '-z'],
                             capture_output=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        paths = listing.stdout.decode().split('\0')
        return sorted(path for path in paths if path and os.path.isfile(os.path.join(root, path)))
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith('.') and f != '__pycache__']
        paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(paths)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', errors='replace') as file:
        return file.read()


def check(root):
    """Every violation under root, as (path, line, message)."""
    paths = [path for path in tracked(root) if not path.startswith(SKIPPED)]
    cmake = {path: read(root, path) for path in paths if os.path.basename(path) == 'CMakeLists.txt'}
    texts = {path: read(root, path) for path in paths
             if path.endswith(TEXT) or os.path.basename(path) == 'run'}
    sql = [path for path, text in texts.items()
           if path.endswith('.cc') and '_test.' not in path and '#include <sqlite3.h>' in text]
    declared = rooms.Rooms(cmake, sql)
    found = []
    for path, text in texts.items():
        file = rules.File(path, text, declared)
        for rule in rules.ALL:
            found += [(path, line, message) for line, message in rule(file)]
    return found


def main(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    root = arguments[0] if arguments else os.path.dirname(os.path.dirname(here))
    found = check(root)
    for path, line, message in found:
        print(f'{path}:{line}: {message}')
    if found:
        print(f'{len(found)} breaches of docs/style.md')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
