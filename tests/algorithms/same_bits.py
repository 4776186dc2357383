#!/usr/bin/env python3
"""Builds same_bits.cc with several compilers and levels: all must print what our build prints.

    same_bits.py ROOT PROJECT_BUILD_OF_SAME_BITS

As a control, a build that lets the compiler fuse a product and a sum must print something else:
otherwise this test would not see what it is for.
"""

import os
import shutil
import subprocess
import sys
import tempfile

KEPT = ['-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math']
BUILDS = [('g++', ['-O0'] + KEPT), ('g++', ['-O2', '-ffp-contract=off']),
          ('g++', ['-O3', '-march=native'] + KEPT), ('clang++', ['-O0'] + KEPT),
          ('clang++', ['-O3'] + KEPT)]
CONTROL = ('g++', ['-O2', '-march=native', '-ffp-contract=fast'])


def output(root, folder, compiler, flags):
    program = os.path.join(folder, 'same_bits')
    sources = [os.path.join(root, path)
               for path in ('tests/algorithms/same_bits.cc', 'federation/codec/kernels.cc')]
    build = [compiler, '-std=c++20', '-I', root, *flags, *sources, '-o', program]
    subprocess.run(build, check=True)
    return printed(program)


def printed(program):
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.strip()


def has_fused_multiply():
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            return any(line.startswith('flags') and ' fma ' in line for line in file)
    except OSError:
        return False


def main(root, project_build):
    wanted = printed(project_build)
    print(f'{wanted}  our build')
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for compiler, flags in BUILDS:
            if shutil.which(compiler) is None:
                print(f'{compiler} is not here: not compared')
                continue
            got = output(root, folder, compiler, flags)
            print(f'{got}  {compiler} {" ".join(flags)}')
            wrong += got != wanted
        if shutil.which(CONTROL[0]) and has_fused_multiply():
            got = output(root, folder, *CONTROL)
            print(f'{got}  control, contracted: must differ')
            wrong += got == wanted
    return 1 if wrong or 'differs' in wanted else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
