// Entry point of every test program. It leaves out the tests tagged [data] when there are no real faces
// (NASION_DATA_DIR), those tagged [python] when there is no python3, and those tagged [onnxruntime] when that Python,
// or the one that NASION_PYTHON names, has no ONNX Runtime; and it appends `name passed failed skipped`, counted in
// test cases, to the file that NASION_TEST_TALLY names.

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
bool has_tag(const Catch::TestCaseHandle& test, const std::string& tag) {
  const auto& tags = test.getTestCaseInfo().tags;
  return std::any_of(tags.begin(), tags.end(), [&](const Catch::Tag& other) { return other == Catch::Tag(tag); });
}
std::size_t skipped_at_run_time(const Catch::Counts& counts) { return counts.skipped; }
#else
using Listener = Catch::TestEventListenerBase;
bool has_tag(const Catch::TestCase& test, const std::string& tag) {
  return std::find(test.tags.begin(), test.tags.end(), tag) != test.tags.end();
}
std::size_t skipped_at_run_time(const Catch::Counts&) { return 0; }
#endif

std::size_t left_out = 0;  // test cases that need what is not here

bool have_data() {
  const char* folder = std::getenv("NASION_DATA_DIR");
  std::error_code unreadable;
  return folder && std::filesystem::is_directory(folder, unreadable);
}

bool have_python() { return std::system("python3 -c '' > /dev/null 2>&1") == 0; }

bool have_onnxruntime() {
  const char* const chosen = std::getenv("NASION_PYTHON");
  return std::system(
             (std::string(chosen ? chosen : "python3") + " -c 'import numpy, onnxruntime' > /dev/null 2>&1").c_str()) ==
         0;
}

class Tally : public Listener {
 public:
  using Listener::Listener;

  void testRunEnded(const Catch::TestRunStats& run) override {
    const auto& cases = run.totals.testCases;
    const std::size_t skipped = skipped_at_run_time(cases) + left_out;
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
  auto options = session.configData();
  if (options.testsOrTags.empty()) {
    std::string without;
    const auto leave_out_unless = [&](bool (*present)(), const std::string& tag, const char* reason) {
      const auto& tests = Catch::getAllTestCasesSorted(session.config());
      const auto count =
          std::count_if(tests.begin(), tests.end(), [&](const auto& test) { return has_tag(test, tag); });
      if (count == 0 || present()) return;
      std::cout << count << " test cases " << reason << '\n';
      left_out += static_cast<std::size_t>(count);
      without += "~[" + tag + "]";
    };
    leave_out_unless(have_data, "data", "need real faces: set NASION_DATA_DIR to run them");
    leave_out_unless(have_python, "python", "need python3");
    leave_out_unless(have_onnxruntime, "onnxruntime", "need a Python with ONNX Runtime: NASION_PYTHON names one");
    if (!without.empty()) options.testsOrTags = {without};
    session.useConfigData(options);  // the session keeps the configuration that it was asked for above
  }
  return session.run();
}
