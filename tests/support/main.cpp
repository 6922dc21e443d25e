// Entry point of every test program. Without real faces (NASION_DATA_DIR) it leaves out the tests tagged [data], and it
// appends `name passed failed skipped`, counted in test cases, to the file that NASION_TEST_TALLY names.

#ifndef CATCH_CONFIG_RUNNER
#define CATCH_CONFIG_RUNNER
#endif
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "support/catch.hpp"

// An allocation of impossible size must fail as it does without a sanitizer, not end the program.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp"; }  // the threads it keeps for each thread

namespace {

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
bool is_data(const Catch::TestCaseHandle& test) {
  const auto& tags = test.getTestCaseInfo().tags;
  return std::any_of(tags.begin(), tags.end(), [](const Catch::Tag& tag) { return tag == Catch::Tag("data"); });
}
std::size_t skipped_at_run_time(const Catch::Counts& counts) { return counts.skipped; }
#else
using Listener = Catch::TestEventListenerBase;
bool is_data(const Catch::TestCase& test) {
  return std::find(test.tags.begin(), test.tags.end(), "data") != test.tags.end();
}
std::size_t skipped_at_run_time(const Catch::Counts&) { return 0; }
#endif

std::size_t left_out = 0;  // test cases that need faces which are not here

bool have_data() {
  const char* folder = std::getenv("NASION_DATA_DIR");
  std::error_code unreadable;
  return folder && std::filesystem::is_directory(folder, unreadable);
}

class Tally : public Listener {
 public:
  using Listener::Listener;

  void testRunEnded(const Catch::TestRunStats& run) override {
    const auto& cases = run.totals.testCases;
    const std::size_t skipped = skipped_at_run_time(cases) + left_out;
    if (left_out) std::cout << left_out << " test cases need real faces: set NASION_DATA_DIR to run them\n";
    if (const char* path = std::getenv("NASION_TEST_TALLY"))
      std::ofstream(path, std::ios::app) << run.runInfo.name << ' ' << cases.passed + cases.failedButOk << ' '
                                         << cases.failed << ' ' << skipped << '\n';
  }
};
CATCH_REGISTER_LISTENER(Tally)

}  // namespace

int main(int argc, char* argv[]) {
  Catch::Session session;
  if (const int error = session.applyCommandLine(argc, argv)) return error;
  auto& options = session.configData();
  if (options.testsOrTags.empty() && !have_data()) {
    const auto& tests = Catch::getAllTestCasesSorted(session.config());
    left_out = static_cast<std::size_t>(std::count_if(tests.begin(), tests.end(), is_data));
    options.testsOrTags = {"~[data]"};
  }
  return session.run();
}
