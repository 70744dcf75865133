#!/usr/bin/env python3
"""Each check must find what is planted, and leave alone what is right."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean

import include_edges
import law_one
import layout
import packages
import unique_names


class Tree(unittest.TestCase):
    """A tree with only the files that a test plants."""

    def found(self, check, **planted):
        with tempfile.TemporaryDirectory() as root:
            for path, text in planted["files"].items():
                place = os.path.join(root, path)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                with open(place, "w", encoding="utf-8") as file:
                    file.write(text)
            return [str(finding) for finding in check(root)]

    def finds(self, check, path, text, expected_line=1):
        findings = self.found(check, files={path: text})
        self.assertEqual(len(findings), 1, f"{text!r}: {findings}")
        self.assertTrue(findings[0].startswith(f"{path}:{expected_line}: "), findings[0])

    def passes(self, check, path, text):
        self.assertEqual(self.found(check, files={path: text}), [], text)


class LawOne(Tree):
    PLANTED = (
        "auto t = std::chrono::steady_clock::now();",
        "gettimeofday(&tv, nullptr);",
        "clock_gettime(CLOCK_MONOTONIC, &ts);",
        "auto t = time(nullptr);",
        "auto t = std::time(&t0);",
        "auto t = __rdtsc();",
        "std::random_device device;",
        "std::mt19937_64 engine(1);",
        "std::uniform_int_distribution<int> d(0, 5);",
        "int n = rand();",
        "std::shuffle(a.begin(), a.end(), engine);",
        "std::thread worker(run);",
        "auto f = std::async(run);",
        "thread_local int depth = 0;",
        'const char* home = getenv("HOME");',
        "std::unordered_map<int, int> m;",
        "std::unordered_set<int> s;",
        "std::map<Node*, int> by_node;",
        "std::set<const sim::Node*> nodes;",
        "double x = std::sin(y);",
        "double x = a * pow(b, c);",
        "return log(x);",
        "static int counter = 0;",
        "static std::vector<int> cache;",
        "  inline static std::size_t count{};",
        "#include <chrono>",
        "#include <random>",
        "std::minstd_rand engine(getpid());",
        "std::ranlux24_base engine;",
        "std::linear_congruential_engine<unsigned, 3, 5, 7> engine;",
        "std::seed_seq seeds{1, 2};",
        "std::sample(a.begin(), a.end(), out, 3, engine);",
        "auto bits = __builtin_ia32_rdrand64_step(&value);",
        "getentropy(buffer, sizeof buffer);",
        "auto who = getpid();",
        "auto who = ::gettid();",
        "auto who = std::this_thread::get_id();",
        "auto cores = sysconf(_SC_NPROCESSORS_ONLN);",
        'std::ifstream noise("/dev/urandom");',
        'int fd = open("/dev/urandom", O_RDONLY);',
        'int fd = ::open(path, O_RDONLY);',
        'std::FILE* file = std::fopen(path, "rb");',
        'const std::string status = "/proc/self/status";',
        "std::map<std::shared_ptr<Node>, int> by_node;",
        "std::set<std::unique_ptr<Node>> nodes;",
        "std::multimap<\n    const sim::Node*, int> by_node;",
        "std::map<std::pair<Node*, int>, int> by_node;",
        "std::set<std::pair<int, Node*>> nodes;",
        "std::map<int, int, std::less<Node*>> m;",
        "auto t = __builtin_ia32_rdtsc();",
        "auto t = __builtin_readcyclecounter();",
        "double x = __builtin_sin(y);",
        "double x = 2 * __builtin_powf(y, z);",
        'asm volatile("rdtsc" : "=a"(low));',
        "auto n = reinterpret_cast<std::uintptr_t>(node);",
        "auto n = reinterpret_cast<std::uint64_t>(node);",
        "auto n = std::bit_cast<std::uintptr_t>(node);",
        "auto n = (uintptr_t)node;",
        "__thread int depth = 0;",
    )

    # Of a function: at namespace scope they would be globals.
    RIGHT_INSIDE = (
        "std::unordered_map<int, int> m;  // law 1: looked up by key, never walked",
        "sink.open(path); file.clear();",
        "std::map<std::pair<int, std::string>, Node*> nodes;",
        "std::map<std::uint64_t, Node*> nodes;",
        "std::map<std::string, std::shared_ptr<Node>> nodes;",
        "sink.log(line); catalog(line);",
        "std::map<NodeId, int> by_node;",
        "/* rand() */ int n = 0;",
        "auto t = processor.local_time();",
        "const auto big = 1'000'000; const auto c = '\\''; int rand = 0;",
        "auto* bytes = reinterpret_cast<std::byte*>(at);",
        "std::map<std::string, Node*> nodes;",
    )

    # Mutable although no word says so, for where they stand.
    GLOBALS = (
        ("int worlds = 0;\n", 1),
        ("int worlds;\n", 1),
        ("std::vector<int> worlds{1, 2};\n", 1),
        ("std::uint64_t counts[4] = {};\n", 1),
        ("const char* last = nullptr;\n", 1),
        ("inline int worlds = 0;\n", 1),
        ("namespace a {\nnamespace {\nint n = 0;\n}\n}\n", 3),
        ("namespace a::b {\nvoid f() { int n = 0; }\nstd::map<int, int> all;\n}\n", 3),
        ("template <class T = int>\nT f(T t) {\n  return T{t};\n}\nint n{};\n", 5),
        ("class A {\n  int n_ = 0;\n};\nA::A(int n) : n_{n} {}\nA a;\n", 5),
        ('extern "C" {\nint n = 0;\n}\n', 2),
        ("const auto f = [](int a) { return a; };\nint n = f(1);\n", 2),
        ("const int a = g({1, 2});\nint n = 1;\n", 2),
        ("#define X(a) \\\n  int a = 0;\nint n;\n", 3),
    )

    RIGHT = (
        "// std::thread is not for us",
        'throw Error("std::chrono is not here");',
        "Time time(Node& node);",
        "void log(std::string_view line);",
        "std::uint64_t operand(int n);",
        "static constexpr int kSize = 4;",
        "static const int kTable[] = {1, 2};",
        "static Duration of(std::int64_t ns) { return {ns}; }",
        "static int parse(int n);",
        "static_assert(sizeof(int) == 4);",
        "__builtin_prefetch(target);",
        "const sim::Random& random() const { return random_; }",
        "void take(std::uintptr_t host_pc);",
        "constexpr int kMost = 4;",
        "inline constexpr std::array<int, 2> kAll{1, 2};",
        "const std::vector<int> kAll{1, 2};",
        "const char* const kName = nullptr;",
        "extern const int kMost;",
        "using Wide = unsigned __int128;",
        "__extension__ using Wide = unsigned __int128;",
        "struct A {\n  int n = 0;\n  std::vector<int> all;\n};",
        "enum class A { B, C };",
        "int f();\nint g(int a = 1);\nbool operator==(const A& a, const A& b);",
        "A::A(int n) : n_(n), m_{n} {\n  int k = 0;\n}",
        "auto f(int a) -> std::vector<int> {\n  int n = a;\n  return {n};\n}",
        "namespace a {\nclass B;\nstruct C;\n}",
        "// law 1: the engine needs it here,\n// whatever it is\nauto t = std::time(nullptr);",
    )

    FOLDERS = ("sim/kernel", "hypervisor/core", "fault-injection", "checkers", "traces",
               "scenarios/guests/model", "scenarios/runner", "scenarios/language")

    def test_finds_every_planted_violation(self):
        for line in self.PLANTED:
            for folder in self.FOLDERS:
                self.finds(law_one.check, folder + "/planted.cpp", f"void f() {{\n{line}\n}}\n", 2)

    def test_finds_globals_by_their_braces(self):
        for text, line in self.GLOBALS:
            self.finds(law_one.check, "sim/kernel/planted.cpp", text, line)

    def test_lets_real_guests_have_statics_but_no_clock(self):
        self.passes(law_one.check, "scenarios/guests/lib/a.c", "static u64 n;\nu64 m;\n")
        self.finds(law_one.check, "scenarios/guests/lib/a.c", "x = clock_gettime(0, &t);\n")

    def test_what_is_allowed_says_why_and_is_there(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
        for rule, paths, why in law_one.ALLOWED:
            self.assertIn(rule, {name for name, _, _ in law_one.RULES} | {"global"})
            self.assertGreater(len(why), 20)
            for path in paths:
                self.assertTrue(os.path.exists(os.path.join(root, path)), path)

    def test_leaves_right_code_alone(self):
        for line in self.RIGHT_INSIDE:
            self.passes(law_one.check, "sim/kernel/right.cpp", f"void f() {{\n{line}\n}}\n")
        for line in self.RIGHT:
            self.passes(law_one.check, "sim/kernel/right.hpp", line + "\n")

    def test_does_not_apply_outside_the_world(self):
        for folder in ("cli", "explore", "shrink", "debug"):
            self.passes(law_one.check, f"scenarios/{folder}/a.cpp", "std::thread worker(run);\n")

    def test_an_explanation_covers_only_its_own_line(self):
        text = "// law 1: why\nint n = rand();\nint m = rand();\n"
        self.finds(law_one.check, "sim/kernel/planted.cpp", text, 3)


class IncludeEdges(Tree):
    UPWARD = (
        ("traces/a.hpp", "sim/kernel/time.hpp"),
        ("sim/kernel/a.cpp", "sim/net/network.hpp"),
        ("sim/net/a.cpp", "sim/disk/shared_disk.hpp"),
        ("sim/cpu/a.hpp", "sim/memory/guest_memory.hpp"),
        ("hypervisor/core/a.cpp", "hypervisor/vmbus/server.hpp"),
        ("hypervisor/vmbus/a.cpp", "hypervisor/storage/virtual_disk.hpp"),
        ("hypervisor/storage/a.cpp", "hypervisor/core/partition.hpp"),
        ("hypervisor/vsp/a.cpp", "hypervisor/migration/live.hpp"),
        ("hypervisor/migration/a.cpp", "hypervisor/management/host.hpp"),
        ("hypervisor/management/a.cpp", "scenarios/runner/run.hpp"),
        ("fault-injection/a.cpp", "hypervisor/vsp/storage.hpp"),
        ("checkers/a.cpp", "sim/kernel/world.hpp"),
        ("checkers/a.cpp", "hypervisor/core/partition.hpp"),
        ("sim/kernel/a.cpp", "tests/sim/kernel/bed.hpp"),
    )

    DOWNWARD = (
        ("sim/kernel/a.hpp", "traces/record.hpp"),
        ("sim/kernel/a.hpp", "sim/kernel/time.hpp"),
        ("sim/cpu/unicorn/a.hpp", "sim/memory/address.hpp"),
        ("sim/cpu/unicorn/a.hpp", "sim/cpu/cpu.hpp"),
        ("hypervisor/vsp/a.cpp", "hypervisor/vmbus/guest/bus.hpp"),
        ("fault-injection/a.cpp", "hypervisor/management/host.hpp"),
        ("scenarios/runner/a.cpp", "checkers/catalogue.hpp"),
        ("tests/checkers/a.cpp", "hypervisor/core/partition.hpp"),
    )

    def test_finds_every_upward_include(self):
        for path, target in self.UPWARD:
            self.finds(include_edges.check, path, f'#include <map>\n# include "{target}"\n', 2)

    def test_leaves_downward_includes_alone(self):
        for path, target in self.DOWNWARD:
            self.passes(include_edges.check, path, f'#include "{target}"\n')

    def test_finds_a_path_that_is_not_from_the_root(self):
        self.finds(include_edges.check, "sim/net/a.cpp", '#include "network.hpp"\n')

    def test_finds_a_file_outside_every_library(self):
        self.finds(include_edges.check, "hypervisor/new_part/a.cpp", "int n;\n")

    def test_ignores_a_comment(self):
        self.passes(include_edges.check, "traces/a.hpp", '// #include "sim/kernel/time.hpp"\n')

    def test_the_table_is_a_dag(self):
        order = list(include_edges.ALLOWED)
        for position, library in enumerate(order):
            for entry in include_edges.ALLOWED[library]:
                above = [other for other in order[position + 1:]
                         if include_edges.covers(other, entry)
                         or (entry and include_edges.covers(entry, other))]
                self.assertEqual(above, [], f"{library} includes what stands above it")


class Layout(Tree):
    def test_finds_a_file_that_is_too_long(self):
        self.finds(layout.check_size, "sim/net/a.cpp", "int n;\n" * 501, 501)
        self.passes(layout.check_size, "sim/net/a.cpp", "int n;\n" * 500)

    def test_finds_a_line_that_is_too_wide(self):
        self.finds(layout.check_size, "tests/a.py", "x = 1\n" + "#" * 101 + "\n", 2)
        self.passes(layout.check_size, "tests/a.py", "#" * 100 + "\n")

    def test_leaves_data_alone(self):
        self.passes(layout.check_size, "traces/schema/a.schema", ("x" * 200 + "\n") * 600)

    def test_counts_characters_not_bytes(self):
        self.passes(layout.check_size, "tests/a.py", "# " + "\u00fc" * 98 + "\n")

    def test_finds_paths_of_a_machine(self):
        for folder in ("wor" + "k", "roo" + "t", "hom" + "e"):
            self.finds(layout.check_paths, "docs/a.md", f"see /{folder}/x\n")
        self.passes(layout.check_paths, "docs/a.md", "see build/work/x and a/root/b\n")

    def test_finds_unfinished_code(self):
        for word in ("TO" + "DO", "FIX" + "ME", "stu" + "b", "not imple" + "mented"):
            self.finds(layout.check_words, "sim/net/a.cpp", f"// {word}: later\n")
        self.passes(layout.check_words, "sim/net/a.cpp", "// stubborn\n")

    def test_finds_a_test_that_does_not_test(self):
        self.finds(layout.check_words, "tests/a.cpp", "GTEST_SK" + "IP();\n")

    def test_does_not_look_into_build_trees(self):
        self.passes(layout.check_size, "build-debug/a.cpp", "int n;\n" * 600)


class UniqueNames(Tree):
    """Two files of one library."""

    FIRST = """namespace a {
namespace {
constexpr int kSize = 3;
struct Entry { int kInside = 0; };
enum class Kind { Big };
using Clock = std::chrono::steady_clock;
template <class T>
T twice(const T& value) { int local = 0; return value + value; }
std::map<int, int> index_of(const std::vector<int>& all, int from = 0) { return {}; }
const char* const kNames[] = {"one", "two"};
}  // namespace
int open_to_all() { return kSize; }
}  // namespace a
"""

    def of(self, second, place="sim/net/b.cpp"):
        return self.found(unique_names.check, files={
            "sim/net/a.cpp": self.FIRST,
            place: "namespace a {\nnamespace {\n" + second + "\n}\n}\n"})

    def test_finds_every_kind_of_name(self):
        for second in ("constexpr long kSize = 4;", "int kSize;", "class Entry;",
                       "struct Entry final : Base {};", "enum Kind { Small };",
                       "using Clock = std::chrono::system_clock;",
                       "template <class T>\nT twice(const T& other) { return other; }",
                       "std::map<int, int> index_of(const std::vector<int>& list, int first) {}",
                       "constexpr int kNames[2] = {1, 2};"):
            findings = self.of(second)
            self.assertEqual(len(findings), 1, second)
            self.assertTrue(findings[0].startswith("sim/net/b.cpp:3: "), findings[0])
            self.assertIn("namespace of sim/net/a.cpp too", findings[0])

    def test_leaves_other_names_alone(self):
        for second in ("constexpr int kLength = 3;", "using Clock = std::chrono::steady_clock;",
                       "using std::map;", "namespace ev = traces::ev;",
                       "int twice(int value) { constexpr int kSize = 1; return kSize; }",
                       "struct Other { int kSize = 3; struct Entry {}; };",
                       "int index_of(int all) { return all; }", "void open_to_all();"):
            self.assertEqual(self.of(second), [], second)

    def test_leaves_other_libraries_and_namespaces_alone(self):
        self.assertEqual(self.of("int kSize;", "sim/disk/b.cpp"), [])
        self.assertEqual(self.of("int kSize;", "tests/sim/net/b.cpp"), [])
        self.assertEqual(self.of("}\nint kSize;\nnamespace {"), [])
        self.assertEqual(self.of("}\n}\nnamespace b {\nnamespace {\nint kSize;"), [])

    def test_a_library_is_what_its_build_file_names(self):
        """Subfolders belong to it, and a neighbour in the same folder may not."""
        two = {"sim/net/a.cpp": self.FIRST,
               "sim/net/deep/b.cpp": "namespace a {\nnamespace {\nint kSize;\n}\n}\n",
               "tests/c.cpp": "namespace {\nint kSize;\n}\n",
               "tests/d.cpp": "namespace {\nint kSize;\n}\n"}
        self.assertEqual(self.found(unique_names.check, files={
            **two, "sim/net/meson.build": "static_library('a', 'a.cpp')\n"
                                          "static_library('b', files('deep/b.cpp'))\n",
            "tests/meson.build": "executable('c', 'c.cpp')\nexecutable('d', 'd.cpp')\n"}), [])
        findings = self.found(unique_names.check, files={
            **two, "sim/net/meson.build": "static_library('a', 'a.cpp', 'deep/b.cpp')\n",
            "tests/meson.build": "test('t', executable('t',\n  'c.cpp', 'd.cpp'))\n"})
        self.assertEqual([one.split(":")[0] for one in findings],
                         ["sim/net/deep/b.cpp", "tests/d.cpp"])


class Packages(Tree):
    SCRIPT = "build_packages=(\n  a b-dev\n  c  # why\n)\nlint_packages=(d)  # why\n"
    PAGE = "| x | y |\n## Packages\n\n| package | for |\n|---|---|\n{}\n## Next\n| x | y |\n"

    def of(self, rows):
        return self.found(packages.check, files={"dev": self.SCRIPT,
                                                 "README.md": self.PAGE.format(rows)})

    def test_leaves_equal_lists_alone(self):
        self.assertEqual(self.of("| a, b-dev | x |\n| c | y |\n| d | z |"), [])

    def test_finds_what_the_table_lacks(self):
        self.assertEqual(self.of("| a | x |\n| c | y |\n| d | z |"),
                         ["dev:2: b-dev is missing in README.md's table of packages"])

    def test_finds_what_the_table_has_too_much(self):
        self.assertEqual(self.of("| a, b-dev, e | x |\n| c | y |\n| d | z |"),
                         ["README.md:6: e is not installed by ./dev"])


if __name__ == "__main__":
    unittest.main()
