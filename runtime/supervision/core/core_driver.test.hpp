#pragma once

#include "runtime/supervision/core/supervisor_core.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>

namespace coppice::supervision::test {

/// Drives a supervisor_core by lines of text and tells its effects as text, for unit tests and golden scripts.
///
///     flags one_for_all intensity=1 period=5s auto=any_significant
///     child a transient shutdown=brutal_kill significant backoff=100ms..30s jitter=0.2
///     start | stop
///     ok a | fail a | exit a normal | crash a | gone a        answers; gone = it stopped as it was asked to
///     fire t1 | at 3s                                        timers, time
///     add c temporary before=a #7 | terminate a #8 | restart a #9 | delete a | suspend a | resume a
class core_driver {
public:
  bool quiet = false; ///< Leave out reports and discards.
  duration now{0};

  /// One line in, effects out, separated by "; ". Errors appear as `error CODE`.
  std::string operator()(const std::string& line) {
    std::istringstream words{line};
    std::vector<std::string> args;
    for (std::string word; words >> word;)
      args.push_back(word);
    out_.clear();
    error_.clear();
    if (!perform(args))
      throw std::runtime_error("no such line: " + line);
    std::string text;
    for (const auto& x : out_)
      append(text, tell(x));
    append(text, error_);
    return text;
  }

  /// Several lines; what the last one leads to.
  template <class... Lines>
  std::string all(const Lines&... lines) {
    std::string last;
    ((last = (*this)(lines)), ...);
    return last;
  }

  /// `a:running b:stopped`, in start order.
  std::string tree() {
    std::string text;
    for (const auto& x : core().children())
      text += (text.empty() ? "" : " ") + std::string{x.id} + ":" + std::string{to_string(x.state)};
    return text;
  }

  supervisor_core& core() {
    if (!core_)
      core_ = std::make_unique<supervisor_core>(flags_, specs_, 1);
    return *core_;
  }

  child_ref ref(const std::string& id) {
    auto known = refs_.find(id);
    if (auto found = core().find(id))
      return refs_[id] = *found;
    return known == refs_.end() ? child_ref{99, 99} : known->second;
  }

  child_view view(const std::string& id) { return *core().view(ref(id)); }
  const supervisor_core::effects& effects() const { return out_; }

  static child_spec_ptr spec(const std::vector<std::string>& args) {
    child_spec out;
    out.id = args.at(0);
    for (size_t i = 1; i < args.size(); ++i) {
      const auto& word = args[i];
      auto [key, value] = split(word);
      if (from_string(word, out.restart) || word.front() == '#' || key == "before")
        continue;
      if (key == "shutdown")
        out.shutdown = *parse_shutdown(value);
      else if (word == "significant")
        out.significant = true;
      else if (key == "backoff") {
        auto dots = value.find("..");
        out.backoff.emplace();
        out.backoff->jitter = 0;
        out.backoff->min = *parse_duration(value.substr(0, dots));
        out.backoff->max = *parse_duration(value.substr(dots + 2));
      } else if (key == "jitter")
        out.backoff->jitter = std::stod(value);
      else if (key == "reset_after")
        out.backoff->reset_after = *parse_duration(value);
      else if (key == "give_up_count")
        out.backoff->give_up_after_count = static_cast<uint32_t>(std::stoul(value));
      else if (key == "give_up_time")
        out.backoff->give_up_after_time = *parse_duration(value);
      else
        throw std::runtime_error("no such word: " + word);
    }
    return std::make_shared<const child_spec>(out);
  }

private:
  static std::pair<std::string, std::string> split(const std::string& word) {
    auto at = word.find('=');
    if (at == std::string::npos)
      return {word, ""};
    return {word.substr(0, at), word.substr(at + 1)};
  }

  static void append(std::string& text, const std::string& more) {
    if (!more.empty())
      text += (text.empty() ? "" : "; ") + more;
  }

  static uint64_t command(const std::vector<std::string>& args) {
    return args.back().front() == '#' ? std::stoull(args.back().substr(1)) : 0;
  }

  void set_flags(const std::vector<std::string>& args) {
    for (size_t i = 1; i < args.size(); ++i) {
      auto [key, value] = split(args[i]);
      if (key == "intensity")
        flags_.intensity = static_cast<uint32_t>(std::stoul(value));
      else if (key == "period")
        flags_.period = *parse_duration(value);
      else if (key == "auto")
        from_string(value, flags_.auto_shutdown);
      else if (!from_string(args[i], flags_.strategy))
        throw std::runtime_error("no such flag: " + args[i]);
    }
  }

  template <class Result>
  bool note(const Result& x) {
    if (!x)
      error_ = "error " + std::string{to_string(x.error().code)};
    return true;
  }

  bool perform(const std::vector<std::string>& args) {
    const auto& verb = args.at(0);
    auto id = args.size() > 1 ? args[1] : std::string{};
    if (verb == "flags")
      set_flags(args);
    else if (verb == "child")
      specs_.push_back(spec({args.begin() + 1, args.end()}));
    else if (verb == "at")
      now = *parse_duration(id);
    else if (verb == "start")
      core().start(instant{0}, now, out_);
    else if (verb == "stop")
      core().stop("asked", now, out_);
    else if (verb == "fire")
      core().timer_fired(timers_.at(id), now, out_);
    else
      return answer(args, verb, id) || order(args, verb, id);
    return true;
  }

  bool answer(const std::vector<std::string>& args, const std::string& verb,
              const std::string& id) {
    if (verb == "ok")
      core().started(ref(id), instant{now.count()}, now, out_);
    else if (verb == "fail")
      core().start_failed(ref(id), "no luck", now, out_);
    else if (verb == "crash")
      core().ended(ref(id), {exit_kind::abnormal, "boom"}, now, out_);
    else if (verb == "gone")
      core().ended(ref(id), {exit_kind::shutdown, "shutdown"}, now, out_);
    else if (verb == "exit")
      core().ended(ref(id),
                   {args.at(2) == "normal" ? exit_kind::normal : exit_kind::shutdown, args[2]}, now,
                   out_);
    else
      return false;
    return true;
  }

  bool order(const std::vector<std::string>& args, const std::string& verb, const std::string& id) {
    if (verb == "add") {
      auto simple = core().flags().strategy == strategy::simple_one_for_one;
      auto added = simple ? nullptr : spec({args.begin() + 1, args.end()});
      auto before =
        std::find_if(args.begin(), args.end(), [](auto& x) { return x.starts_with("before="); });
      return note(core().add_child(added, id, command(args), now, out_,
                                   before == args.end() ? std::nullopt
                                                        : std::optional{ref(before->substr(7))}));
    }
    if (verb == "terminate")
      return note(core().terminate_child(ref(id), command(args), now, out_));
    if (verb == "restart")
      return note(core().restart_child(ref(id), command(args), now, out_));
    if (verb == "delete")
      return note(core().delete_child(ref(id), out_));
    if (verb == "suspend" || verb == "resume")
      return note(core().set_suspended(ref(id), verb == "suspend"));
    return false;
  }

  std::string name(child_ref child) {
    if (auto view = core().view(child))
      return names_[child.slot * 4096ull + child.generation] = view->id;
    return names_[child.slot * 4096ull + child.generation];
  }

  std::string timer(uint64_t token) {
    for (const auto& [label, known] : timers_) {
      if (known == token)
        return label;
    }
    auto label = "t" + std::to_string(timers_.size() + 1);
    timers_[label] = token;
    return label;
  }

  std::string tell(const supervisor_effect& x) {
    return std::visit([this](const auto& e) { return tell(e); }, x);
  }
  std::string tell(const effect::start_child& e) {
    return (e.restart ? "restart " : "start ") + name(e.child);
  }
  std::string tell(const effect::stop_child& e) { return "stop " + name(e.child); }
  std::string tell(const effect::kill_child& e) { return "kill " + name(e.child); }
  std::string tell(const effect::discard_child& e) {
    return quiet ? "" : "discard " + name(e.child);
  }
  std::string tell(const effect::child_removed& e) { return "removed " + e.id; }
  std::string tell(const effect::arm_timer& e) {
    return "arm " + timer(e.token) + " " + to_string(e.delay);
  }
  std::string tell(const effect::cancel_timer& e) { return "cancel " + timer(e.token); }
  std::string tell(const effect::supervisor_started&) { return "STARTED"; }
  std::string tell(const effect::supervisor_ended& e) {
    static const char* const kinds[]{"requested", "auto_shutdown", "max_intensity",
                                     "failed_to_start"};
    return "ENDED " + std::string{kinds[static_cast<size_t>(e.why.what)]}
           + (quiet ? "" : " (" + e.why.reason + ")");
  }
  std::string tell(const effect::command_done& e) {
    return "done #" + std::to_string(e.command) + " "
           + (e.failure ? std::string{to_string(e.failure->code)} : std::string{"ok"});
  }
  std::string tell(const effect::report& e) {
    static const char* const kinds[]{"restarted", "not_restarted", "gave_up", "stop_timeout",
                                     "start_failed"};
    if (quiet)
      return "";
    return "report " + std::string{kinds[static_cast<size_t>(e.what)]} + " " + name(e.child) + " ("
           + e.reason + ")" + (e.delay > duration{0} ? " +" + to_string(e.delay) : "");
  }

  supervisor_flags flags_;
  std::vector<child_spec_ptr> specs_;
  std::unique_ptr<supervisor_core> core_;
  supervisor_core::effects out_;
  std::string error_;
  std::map<std::string, uint64_t> timers_;
  std::map<std::string, child_ref> refs_;
  std::map<uint64_t, std::string> names_;
};

/// A driver that leaves out reports and discards, with children `a b c` up under `flags`.
inline core_driver with_abc(const std::string& flags, const std::string& more = "") {
  core_driver t;
  t.quiet = true;
  t.all("flags " + flags, "child a " + more, "child b " + more, "child c " + more, "start", "ok a",
        "ok b", "ok c");
  return t;
}

} // namespace coppice::supervision::test
