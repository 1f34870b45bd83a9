#include "runtime/base/address.hpp"
#include "runtime/cli/verb.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace coppice::cli {

namespace {

/// The name under which a value is kept: `--min-mailbox` -> `min-mailbox`.
std::string key_of(const flag& x) {
  return x.long_name().substr(2);
}

error unknown_word(const verb& what, const std::string& word) {
  if (word.find_first_not_of('-') != std::string::npos && word[0] == '-') {
    std::vector<std::string> names;
    for (const auto* table : {&what.flags, &global_flags()})
      for (const auto& x : *table)
        names.push_back(key_of(x));
    auto name = word.substr(0, word.find('='));
    // The dashes are the same in every flag, so they say nothing about nearness.
    auto near = nearest_name(name.substr(name.find_first_not_of('-')), names);
    return {errc::usage, what.name + " has no flag " + name, "", near.empty() ? near : "--" + near};
  }
  return {errc::usage, "'" + word + "' is one word too many: " + what.usage(), "", ""};
}

result<void> check_words(const std::string& place, const std::vector<std::string>& words,
                         const std::string& value) {
  if (words.empty() || std::find(words.begin(), words.end(), value) != words.end())
    return {};
  std::string list;
  for (const auto& x : words)
    list += (list.empty() ? "" : ", ") + x;
  return error{errc::usage, "'" + value + "' is none of: " + list, place,
               nearest_name(value, words)};
}

/// A script's variable that is empty must not turn into everything, or into the default.
result<void> check_value(const std::string& place, const std::vector<std::string>& words,
                         const std::string& value, std::string_view instead) {
  if (value.empty())
    return error{errc::usage, "is empty; " + std::string{instead}, place, ""};
  return check_words(place, words, value);
}

/// Is a switch on that somebody has given a value? Empty means that it is there.
result<bool> read_switch(const std::string& place, std::string_view value) {
  if (value.empty() || value == "1" || value == "true" || value == "yes")
    return true;
  if (value == "0" || value == "false" || value == "no")
    return false;
  return error{errc::usage, "'" + std::string{value} + "' is neither 1 nor 0", place, ""};
}

const flag* flag_called(const verb& what, std::string_view name) {
  for (const auto* table : {&what.flags, &global_flags()})
    for (const auto& x : *table)
      if (name == x.long_name() || (!x.short_name().empty() && name == x.short_name()))
        return &x;
  return nullptr;
}

/// What CLI11 would take otherwise than it is meant, or tell in words of its own.
result<void> check_flags(const verb& what, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    auto equals = words[i].find('=');
    const auto* x = flag_called(what, std::string_view{words[i]}.substr(0, equals));
    if (x == nullptr || x->value.empty())
      continue;
    // It would take the next word for the value.
    if (equals != std::string::npos && equals + 1 == words[i].size())
      return check_value(x->long_name(), {}, {}, "give " + x->value + ", or leave it out");
    if (equals == std::string::npos && ++i == words.size())
      return error{errc::usage, "its value is missing: " + x->long_name() + " " + x->value,
                   x->long_name(), ""};
  }
  return {};
}

struct parser {
  const verb& what;
  CLI::App app;
  std::vector<std::pair<const flag*, CLI::Option*>> flags;
  std::vector<std::pair<const argument*, CLI::Option*>> args;

  explicit parser(const verb& what) : what(what), app("", what.name) {
    app.set_help_flag();
    app.allow_extras();
    for (const auto* table : {&what.flags, &global_flags()})
      for (const auto& x : *table)
        add(x);
    for (const auto& x : what.args)
      args.emplace_back(&x, plain(app.add_option(x.name)));
  }

  static CLI::Option* plain(CLI::Option* option) {
    return option->type_size(1)->expected(1)->allow_extra_args(false)->delimiter('\0');
  }

  void add(const flag& x) {
    auto* option = x.value.empty() ? app.add_flag(x.name) : plain(app.add_option(x.name));
    if (!x.value.empty())
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    flags.emplace_back(&x, option);
  }
};

/// Takes flags out of the environment that the command line has not given.
result<void> from_environment(const flag& x, arguments& to, const char* (*lookup)(const char*)) {
  const auto* text = lookup(environment_name(x.long_name()).c_str());
  if (text == nullptr || *text == '\0' || x.name == "-h,--help")
    return {};
  if (x.value.empty()) {
    auto on = read_switch(environment_name(x.long_name()), text);
    if (!on)
      return on.error();
    if (*on)
      to.add_from_environment(key_of(x), "true");
    return {};
  }
  if (auto ok = check_words(environment_name(x.long_name()), x.words, text); !ok)
    return ok.error();
  to.add_from_environment(key_of(x), text);
  return {};
}

} // namespace

result<arguments> parse_arguments(const verb& what, const std::vector<std::string>& words,
                                  const char* (*lookup)(const char*)) {
  arguments out;
  if (what.raw) {
    for (const auto& x : words)
      out.add("REST", x);
    for (const auto& x : global_flags())
      if (auto ok = from_environment(x, out, lookup); !ok)
        return ok.error();
    return out;
  }
  if (auto ok = check_flags(what, words); !ok)
    return ok.error();
  parser p{what};
  try {
    p.app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::Error& e) {
    return error{errc::usage, e.what(), what.name, ""};
  }
  for (const auto& word : p.app.remaining())
    if (word != "--")
      return unknown_word(what, word);
  for (auto [x, option] : p.flags) {
    if (option->count() == 0) {
      if (auto ok = from_environment(*x, out, lookup); !ok)
        return ok.error();
    } else if (x->value.empty()) {
      auto on = read_switch(x->long_name(), option->results().back());
      if (!on)
        return on.error();
      if (*on)
        out.add(key_of(*x), "true");
    } else {
      if (!x->many && option->results().size() > 1)
        return error{errc::usage, "stands there more than once; give it once", x->long_name(), ""};
      for (const auto& value : option->results()) {
        if (auto ok = check_value(x->long_name(), x->words, value,
                                  "give " + x->value + ", or leave it out");
            !ok)
          return ok.error();
        out.add(key_of(*x), value);
      }
    }
  }
  for (auto [x, option] : p.args) {
    if (option->count() > 0) {
      const auto& value = option->results().front();
      if (!value.empty() || !x->may_be_empty)
        if (auto ok = check_value(x->name, x->words, value,
                                  x->required ? "the verb goes: " + what.usage()
                                              : "give one, or leave it out");
            !ok)
          return ok.error();
      out.add(x->name, value);
    } else if (x->required && !out.has("help")) {
      return error{errc::usage, x->name + " is missing: " + what.usage(), what.name, ""};
    }
  }
  return out;
}

} // namespace coppice::cli
