#include "runtime/cli/project_verbs.hpp"

#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/new_files.hpp"
#include "runtime/cli/process.hpp"
#include "runtime/cli/session.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_here(const std::string& path) {
  std::ifstream in{path};
  if (!in)
    return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

uint32_t next_block() {
  std::vector<std::string> texts;
  std::error_code failure;
  for (auto& entry : fs::directory_iterator{".", failure})
    if (auto kind = entry.path().extension(); kind == ".hpp" || kind == ".cpp")
      texts.push_back(read_here(entry.path().string()).value_or(""));
  return free_block(texts);
}

result<int> new_thing(session& in, const arguments& args) {
  const auto& kind = args.get("KIND");
  const auto& name = args.get("NAME");
  auto is_app = kind == "app";
  auto plan = new_files(kind, name, is_app ? 0 : next_block(), read_here);
  if (!plan)
    return plan.error();
  if (is_app && fs::exists(name))
    return error{errc::already_exists, "is there already; nothing written", name, ""};
  for (const auto& x : plan->files)
    if (!x.is_change && fs::exists(x.path))
      return error{errc::already_exists, "is there already; nothing written", x.path, ""};
  json::array written;
  json::array changed;
  for (const auto& x : plan->files) {
    std::error_code code;
    if (auto parent = fs::path{x.path}.parent_path(); !parent.empty())
      fs::create_directories(parent, code);
    if (auto done = write_text_file(x.path, x.text); !done)
      return done.error();
    fs::permissions(x.path, fs::perms{0644}, code);
    (x.is_change ? changed : written).push_back(json::value(x.path));
  }
  json::array to_do;
  for (const auto& x : plan->to_do)
    to_do.push_back(json::value(x));
  view how;
  how.name = [](const json::value& x) {
    std::string out;
    for (const auto& list : {"files", "changed"})
      for (const auto& file : items(x, list))
        out += show(&file) + "\n";
    return out;
  };
  how.table = [is_app, name](const json::value& x, const style&) {
    std::string out;
    for (const auto& file : items(x, "files"))
      out += "wrote " + show(&file) + "\n";
    for (const auto& file : items(x, "changed"))
      out += "changed " + show(&file) + "\n";
    for (const auto& line : items(x, "to_do"))
      out += "still to do " + show(&line) + "\n";
    if (is_app)
      out += "next: " + name + "/README.md\n";
    return out;
  };
  return in.print(json::object{{"files", std::move(written)},
                               {"changed", std::move(changed)},
                               {"to_do", std::move(to_do)}},
                  how);
}

/// Runs a program in the foreground with this one's terminal; its exit status.
result<int> run_here(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (auto& x : command)
    words.push_back(const_cast<char*>(x.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  auto failed = posix_spawnp(&child, words[0], nullptr, nullptr, words.data(), environ);
  if (failed != 0)
    return error{errc::unavailable, "'" + command[0] + "' cannot be run: " + std::strerror(failed),
                 "", ""};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// The build folder that this program lies in. Errors: errc::refused.
result<std::string> build_folder(const char* wanted) {
  for (auto at = fs::path{own_executable()}.parent_path(); at != at.root_path();
       at = at.parent_path())
    if (fs::exists(at / wanted))
      return at.string();
  return error{errc::refused,
               "this program lies in no build folder: there is no " + std::string{wanted}
                 + " at or above " + own_executable()
                 + "; run the one that was built from the sources, or in a checkout of Coppice "
                   "./coppice "
                 + std::string{wanted == std::string_view{"CMakeCache.txt"} ? "build" : "test"},
               "", ""};
}

result<int> build(session&, const arguments&) {
  auto folder = build_folder("CMakeCache.txt");
  if (!folder)
    return folder.error();
  auto status = run_here({"cmake", "--build", *folder});
  if (!status)
    return status.error();
  return *status == 0 ? 0 : 1;
}

result<int> test(session& in, const arguments& args) {
  auto folder = build_folder("CTestTestfile.cmake");
  if (!folder)
    return folder.error();
  if (auto built = build(in, args); !built || *built != 0)
    return built;
  std::vector<std::string> command{"ctest", "--test-dir", *folder, "--output-on-failure",
                                   "--no-tests=error"};
  if (args.has("FILTER"))
    command.insert(command.end(), {"-R", args.get("FILTER")});
  auto status = run_here(command);
  if (!status)
    return status.error();
  return *status == 0 ? 0 : 1;
}

constexpr auto of_the_checkout =
  "Works on the build folder that this program lies in. In a checkout of Coppice `./coppice` does "
  "it itself, with further flags: ";

} // namespace

std::vector<verb> project_verbs() {
  return {
    {.name = "new",
     .summary = "a starting point that compiles, has a test and shows up in the tree",
     .run = new_thing,
     .args = {{"KIND", "", word_kind::any, true, {"app", "actor", "message"}},
              {"NAME", "e.g. shop, or shop.till"}},
     .examples = {"new app shop", "new actor shop.till", "new message shop.order"},
     .details = "In the folder of an app, actors and messages are entered in its main.cpp and "
                "node.yaml."},
    {.name = "test",
     .summary = "build this program and run its tests",
     .run = test,
     .args = {{"FILTER", "only tests whose names match (ctest -R)", word_kind::any, false}},
     .examples = {"test", "test till"},
     .details =
       std::string{of_the_checkout} + "test [--preset release|dev|tsan] [--long] [FILTER]."},
    {.name = "check",
     .summary = "what to run before committing: here the same as test",
     .run = test,
     .args = {{"FILTER", "as for test", word_kind::any, false}},
     .examples = {"check"},
     .details = std::string{of_the_checkout}
                + "check = format, lint, layering, build, tests; --write mends the format."},
    {.name = "build",
     .summary = "build this program",
     .run = build,
     .examples = {"build"},
     .details = std::string{of_the_checkout} + "build [--all]."},
  };
}

} // namespace coppice::cli
