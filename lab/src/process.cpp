#include "lab/src/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

extern char** environ;

namespace lab {

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Nameless files instead of pipes: nothing can block, however much is written in whatever order.
File nameless_file() {
  File file(std::tmpfile(), &std::fclose);
  // A child must see the descriptors it is given, and no others.
  if (file) ::fcntl(::fileno(file.get()), F_SETFD, FD_CLOEXEC);
  return file;
}

std::string whole_text(std::FILE* file) {
  std::string text;
  char piece[65536];
  std::rewind(file);
  while (const auto count = std::fread(piece, 1, sizeof piece, file)) text.append(piece, count);
  return text;
}

}  // namespace

ProcessResult run_process(std::vector<std::string> command, std::string_view input) {
  const auto in = nameless_file(), out = nameless_file(), err = nameless_file();
  ProcessResult result;
  if (!in || !out || !err || command.empty()) return result;
  std::fwrite(input.data(), 1, input.size(), in.get());
  std::rewind(in.get());  // also flushes: the child reads the same open file from its start

  std::vector<char*> arguments;
  for (auto& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(err.get()), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t ours;  // what this program may ignore; another expects the default
  sigemptyset(&ours);
  for (const int signal : {SIGPIPE, SIGXFSZ}) sigaddset(&ours, signal);
  posix_spawnattr_setsigdefault(&attributes, &ours);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return result;

  result.started = true;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return result;
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  result.out = whole_text(out.get());
  result.err = whole_text(err.get());
  return result;
}

}  // namespace lab
