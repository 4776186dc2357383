"""Each planted breach is found, at its line, and honest code passes."""

import os
import tempfile
import unittest

import source
import tidy

HEADER = '// A thing.\n#pragma once\n'
HONEST = '''// A room of its own.
#pragma once
#include "federation/words.h"
namespace dure {
struct Point { int x = 0; };
inline int Sum(const int* begin, const int* end) {
  int sum = 0;
  for (; begin != end; ++begin) {
    if (*begin > 1'000) {
      while (sum > 3) { sum -= 1; }
    }
  }
  return sum;
}
// A brace in text does not count: "{{{{", nor an unfinished-looking word such as todo.
inline const char* Text() { return R"(for { for { for { for {)"; }
}  // namespace dure
'''
CMAKE = {
    'federation/CMakeLists.txt': 'dure_room(federation LAYER 0)\n',
    'federation/one/CMakeLists.txt':
        'dure_room(federation/one LAYER 10 SOURCES a.cc USES federation)\n'
        'dure_test(one_test SOURCES a_test.cc USES federation/one federation/two)\n',
    'federation/two/CMakeLists.txt':
        'dure_room(federation/two LAYER 10 USES federation)\n'
        'foreach(part IN ITEMS x y)\n'
        '  dure_test(two_${part} SOURCES ${part}_test.cc USES federation/two)\nendforeach()\n',
    'policy/CMakeLists.txt': 'dure_room(policy LAYER 20 USES federation/one)\n',
}


def breaches(files, keep_cmake=True):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**(CMAKE if keep_cmake else {}), **files}.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, 'w', encoding='utf-8') as file:
                file.write(text)
        return tidy.check(root)


def function_of(lines):
    return 'int F() {\n' + '  G();\n' * (lines - 2) + '}\n'


def nested(depth):
    return 'void F() {\n' + 'if (a) {\n' * depth + '}\n' * depth + '}\n'


class Honest(unittest.TestCase):
    def test_code_passes(self):
        self.assertEqual(breaches({
            'federation/one/a.h': HONEST,
            'federation/one/a.cc': '#include "federation/one/a.h"\n#include <vector>\n',
            'federation/one/a_test.cc': '#include "federation/two/b.h"\n'
                                        'auto s = Listen("127.0.0.1:0");\n'
                                        'plan.address = "localhost:7443";\n',
            'federation/two/x_test.cc': '#include "federation/two/b.h"\n',
            'policy/p.cc': '#include "federation/one/a.h"\n#include "federation/words.h"\n',
            'federation/one/store.cc': '#include <sqlite3.h>\n',
            'federation/transport/wire.cc': '#include <grpcpp/grpcpp.h>\n#include "x.pb.h"\n',
            'federation/loop/real.cc': 'auto t = std::chrono::system_clock::now();\n',
            'federation/two/log.cc': '#include <spdlog/spdlog.h>\n',
            'federation/two/size.cc': function_of(69) + nested(3),
        }), [])

    def test_lambdas_and_initializers_are_not_control(self):
        code = ('void F() {\n  if (a) {\n    if (b) {\n      if (c) {\n        Do([&](int x) {\n'
                '          if (x) { return; }\n        });\n        const P p{1, {2, {3, {4}}}};\n'
                '      }\n    }\n  }\n}\n')
        self.assertEqual(breaches({'federation/two/a.cc': code}), [])


class Planted(unittest.TestCase):
    def found(self, path, text, line, part):
        found = breaches({path: text})
        hits = [f for f in found if f[0] == path and f[1] == line and part in f[2]]
        self.assertTrue(hits, f'wanted "{part}" at {path}:{line}, found {found}')

    def test_sizes(self):
        self.found('federation/one/a.cc', 'int x;\n' * 400, 1, '400 lines')
        self.found('federation/one/a.cc', '\n' + '/' * 101 + '\n', 2, '101 columns')
        self.found('federation/one/a.cc', '\n' + function_of(70), 2, '70 lines')
        self.found('tests/x.py', 'def f():\n' + '    f()\n' * 70, 1, '71 lines')

    def test_functions_of_every_shape_are_measured(self):
        body = '{\n' + '  G();\n' * 80 + '}\n'
        for head in ('Status Room::Enter(int a) const ', 'auto F(int a) -> Result<int> ',
                     'A::A(int x) : x_(x), y_{x} ', 'template <typename T>\nvoid F(T t) noexcept ',
                     'TEST(Room, Works) ', 'class A {\n void F() override ',
                     'bool operator()(int a) ', 'void F(std::vector<int> a = {}) ',
                     'static void F(const char (&a)[3]) '):
            found = breaches({'federation/one/a.cc': head + body + '};\n'})
            self.assertTrue(any('function has' in f[2] for f in found), head)

    def test_nesting(self):
        self.found('federation/one/a.cc', nested(4), 5, 'nested')
        loops = ('void F() {\nfor (int i = 0; i < 3; ++i) {\nswitch (i) {\ncase 1: {\n'
                 'while (a) {\nif (b) {\n}\n}\n}\n}\n}\n}\n')
        self.found('federation/one/a.cc', loops, 6, 'nested')

    def test_values_in_braces_do_not_hide_control(self):
        for condition in ('p == P{1, 2}', 'All(v, [](int x) { return x > 1; })', 'a < (b)'):
            code = nested(3).replace('if (a) {', f'if ({condition}) {{\nif (a) {{}}', 1)
            self.assertEqual(breaches({'federation/two/a.cc': code}), [], condition)
            code = nested(4).replace('if (a)', f'if ({condition})', 1)
            self.found('federation/one/a.cc', code, 5, 'nested')

    def test_names(self):
        self.found('federation/utils/a.cc', '\n', 1, 'utils')
        self.found('model/base/a.cc', '\n', 1, 'base')
        self.found('model/a.cpp', '\n', 1, '.cc')
        self.found('model/BigThing.cc', '\n', 1, 'snake_case')
        self.found('model/big-thing.h', HEADER, 1, 'snake_case')
        for name in ('RoundManager', 'FileHelper', 'StringUtil', 'EventHandler', 'RunData',
                     'SiteInfo', 'StoreImpl'):
            self.found('model/a.cc', f'\nclass {name} final : public X {{}};\n', 2, name)

    def test_headers(self):
        self.found('model/a.h', '#pragma once\n', 1, 'opens with a comment')
        self.found('model/a.h', '// A thing.\n', 1, '#pragma once')

    def test_libraries_stay_in_their_place(self):
        for include in ('"dure/v1/round.pb.h"', '<grpcpp/grpcpp.h>', '<google/protobuf/message.h>'):
            self.found('federation/one/a.cc', f'\n#include {include}\n', 2, 'federation/transport')
        for include in ('<spdlog/spdlog.h>', '<fmt/format.h>', '<nlohmann/json.hpp>',
                        '<CLI/CLI.hpp>'):
            self.found('model/a.h', HEADER + f'#include {include}\n', 3, 'heavy')
        self.found('policy/decide.h', HEADER + '#include <sqlite3.h>\n', 3, 'SQL')
        sql = '#include <sqlite3.h>\n'
        two = breaches({'policy/store.cc': sql, 'policy/decide.cc': sql, 'policy/a_test.cc': sql})
        self.assertIn(('policy/decide.cc', 1, 'SQL stays in one file of its room, its store'), two)

    def test_includes_follow_the_rooms(self):
        self.found('federation/one/a.cc', '#include "federation/two/b.h"\n', 1, 'federation/two')
        self.found('federation/two/y_test.cc', '#include "policy/p.h"\n', 1, 'policy')
        self.found('federation/two/b.cc', '#include "federation/one/a.h"\n', 1, 'federation/one')

    def test_time_and_chance(self):
        for code in ('std::chrono::system_clock::now()', 'std::time(nullptr)', 'time(NULL)',
                     'gettimeofday(&t, 0)', 'clock_gettime(CLOCK_REALTIME, &t)'):
            self.found('site/a.cc', f'\nauto t = {code};\n', 2, 'wall-clock')
        for code in ('std::uniform_int_distribution<int> d', 'std::mt19937 g',
                     'std::random_device r', 'int a = std::rand()'):
            self.found('site/a.cc', f'\n{code};\n', 2, 'chance')

    def test_tests_neither_sleep_nor_name_ports(self):
        for code in ('std::this_thread::sleep_for(x)', 'usleep(3)', 'sleep(1)'):
            self.found('site/a_test.cc', f'void F() {{\n  {code};\n}}\n', 2, 'sleeps')
        self.found('tests/e2e/a.cc', 'server.Listen(x, "127.0.0.1:8080");\n', 1, 'port')
        self.found('site/a_test.cc', 'auto link = Dial("localhost:1");\n', 1, 'port')
        self.found('site/a_test.cc', 'address.sin_port = htons(8080);\n', 1, 'port')

    def test_leftovers(self):
        for word in ('TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'):
            self.found('docs/page.md', f'\nsee {word}(me)\n', 2, word)
        self.found('site/a.cc', f'auto p = "/{"wo"}rk/tree/x";\n', 1, 'machine')
        self.found('docs/page.md', f'cd /{"ro"}ot/x\n', 1, 'machine')

    def test_a_breach_fails_the_program(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(tidy.main([root]), 0)
            with open(os.path.join(root, 'A.cc'), 'w', encoding='utf-8') as file:
                file.write('int x;\n')
            self.assertEqual(tidy.main([root]), 1)


class Source(unittest.TestCase):
    def test_blank_keeps_lines_and_hides_text(self):
        text = 'a /* {\n{ */ "{\\"{" \'{\' 1\'000 // {\nR"x({\n)x" b\n'
        blanked = source.blank(text)
        self.assertEqual(blanked.count('\n'), text.count('\n'))
        self.assertNotIn('{', blanked)
        self.assertIn("1'000", blanked)
        self.assertIn('b', blanked)


if __name__ == '__main__':
    unittest.main()
