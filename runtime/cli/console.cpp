#include "runtime/cli/console.hpp"

#include "runtime/cli/completion.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/help.hpp"
#include "runtime/cli/words.hpp"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include <editline/readline.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

/// ctrl-C ends the running verb. The handler may only write; a thread hears it and cancels.
class interrupts {
public:
  explicit interrupts(session& in) : in_(in) {
    if (::pipe(pipe_) != 0)
      return;
    write_end = pipe_[1];
    struct sigaction now {};
    now.sa_handler = [](int) {
      char byte = 'c';
      interrupted = 1;
      [[maybe_unused]] auto n = ::write(write_end, &byte, 1);
    };
    now.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &now, &before_);
    listener_ = std::thread{[this] {
      char byte = 0;
      while (::read(pipe_[0], &byte, 1) == 1 && byte == 'c')
        if (running)
          in_.cancel();
    }};
  }

  ~interrupts() {
    ::sigaction(SIGINT, &before_, nullptr);
    char byte = 'q';
    [[maybe_unused]] auto n = ::write(pipe_[1], &byte, 1);
    if (listener_.joinable())
      listener_.join();
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }

  std::atomic<bool> running{false};
  static volatile std::sig_atomic_t interrupted; ///< Set by ctrl-C, cleared by who heeds it.

private:
  static int write_end;
  session& in_;
  int pipe_[2]{-1, -1};
  struct sigaction before_ {};
  std::thread listener_;
};

int interrupts::write_end = -1;
volatile std::sig_atomic_t interrupts::interrupted = 0;

/// libedit calls back without a context; there is one prompt.
completer* completing = nullptr;
std::vector<std::string> found;

char* next_candidate(const char*, int state) {
  auto i = static_cast<size_t>(state);
  return i < found.size() ? ::strdup(found[i].c_str()) : nullptr;
}

char** complete_word(const char* begun, int start, int) {
  std::string line{rl_line_buffer == nullptr ? "" : rl_line_buffer};
  line.resize(std::min(line.size(), static_cast<size_t>(rl_point)));
  auto words = split_begun(line);
  found.clear();
  if (words.size() <= 1)
    for (const char* own : {"cd", "pwd", "exit"})
      if (std::string_view{own}.rfind(words.empty() ? "" : words[0], 0) == 0)
        found.emplace_back(own);
  if (!words.empty() && words[0] == "cd")
    words[0] = "tree";
  for (auto& x : completing->candidates(words))
    found.push_back(std::move(x));
  // The library replaces what stands behind its own idea of a word's beginning.
  auto skipped = static_cast<size_t>(start) - std::min(static_cast<size_t>(start), begun_at(line));
  for (auto& x : found)
    x.erase(0, std::min(skipped, x.size()));
  rl_attempted_completion_over = 1;
  if (found.empty())
    return nullptr;
  rl_completion_append_character = found.size() == 1 && found[0].back() != ':' ? ' ' : '\0';
  return rl_completion_matches(begun, next_candidate);
}

std::string history_file(const std::string& program) {
  auto folder = std::filesystem::path{default_data_folder(program)}.parent_path();
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  return (folder / (program + ".history")).string();
}

/// `cd`, `pwd`, `exit`: what only a prompt has. True when the line was one of these.
bool own_word(session& in, const std::vector<std::string>& words, bool& leave, int& status) {
  status = 0;
  if (words[0] == "exit" || words[0] == "quit") {
    leave = true;
    return true;
  }
  if (words[0] == "pwd") {
    in.out() << in.folder << "\n";
    return true;
  }
  if (words[0] != "cd")
    return false;
  auto path = words.size() < 2 ? result<std::string>{std::string{"/"}} : in.path(words[1]);
  if (path && *path != "/" && words.size() > 1) {
    auto there = in.get("/v1/actors", {{"path", *path}});
    if (!there && there.error().code == errc::not_found)
      path = there.error();
  }
  if (path)
    in.folder = *path;
  else
    status = show_error(in, path.error());
  return true;
}

/// A line copied from a guide begins with the program's name, perhaps with a shell's prompt before it.
std::vector<std::string> without_program(const session& in, std::vector<std::string> words) {
  if (words.size() > 1 && words[0] == "$")
    words.erase(words.begin());
  auto name = words[0].substr(words[0].rfind('/') + 1);
  if (words[0] == command_of(in.env()) || name == in.env().program)
    words.erase(words.begin());
  return words;
}

int run_words(session& in, std::vector<std::string> words, bool& leave) {
  int status = 0;
  words = without_program(in, std::move(words));
  if (words.empty())
    words = {"help"};
  if (own_word(in, words, leave, status))
    return status;
  if (words[0] == "console") {
    in.err() << "this is the console already\n";
    return 2;
  }
  return run_line(in, words);
}

int from_pipe(session& in) {
  std::string line;
  int status = 0;
  bool leave = false;
  bool any = false;
  while (!leave && std::getline(*in.where().in, line)) {
    any = true;
    auto words = split_words(line);
    if (!words) {
      status = show_error(in, words.error());
      continue;
    }
    if (words->empty())
      continue;
    if (auto now = run_words(in, *words, leave); now != 0)
      status = now;
  }
  if (!any)
    in.note(
      "standard input is no terminal and ended before a line came; one verb a line: echo tree | "
      + command_of(in.env()) + " console");
  return status;
}

void from_terminal(session& in) {
  auto file = history_file(in.env().program);
  ::using_history();
  ::stifle_history(1000);
  ::read_history(file.c_str());
  completer words_known{in};
  completing = &words_known;
  rl_readline_name = const_cast<char*>("coppice");
  rl_attempted_completion_function = complete_word;
  rl_basic_word_break_characters = const_cast<char*>(" \t");
  rl_completer_word_break_characters = const_cast<char*>(" \t");
  interrupts on_interrupt{in};
  bool leave = false;
  while (!leave) {
    in.clear_cancel();
    interrupts::interrupted = 0;
    auto prompt = in.env().program + " " + in.folder + "> ";
    char* raw = ::readline(prompt.c_str());
    if (raw == nullptr && interrupts::interrupted != 0) {
      in.err() << "\n"; // ctrl-C at the prompt: a new line.
      continue;
    }
    if (raw == nullptr)
      break;
    std::string line{raw};
    ::free(raw);
    auto words = split_words(line);
    if (words && words->empty())
      continue;
    ::add_history(line.c_str());
    ::write_history(file.c_str());
    if (!words) {
      show_error(in, words.error());
      continue;
    }
    in.clear_cancel();
    on_interrupt.running = true;
    auto status = run_words(in, *words, leave);
    on_interrupt.running = false;
    if (status == 130 || in.cancelled())
      in.err() << "\n";
  }
  completing = nullptr;
  in.out() << "\n";
}

} // namespace

result<int> console(session& in, const arguments&) {
  if (!in.where().in_is_terminal)
    return from_pipe(in);
  // Say at once whether there is anybody to talk to; the verbs then try again each time.
  if (auto there = in.client(); !there)
    in.err() << in.env().program << ": " << escape_lines(to_string(there.error())) << "\n";
  in.err() << "`help` lists the verbs, tab completes, ctrl-D leaves\n";
  from_terminal(in);
  return 0;
}

} // namespace coppice::cli
