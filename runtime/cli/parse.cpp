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
      option->multi_option_policy(x.many ? CLI::MultiOptionPolicy::TakeAll
                                         : CLI::MultiOptionPolicy::Throw);
    flags.emplace_back(&x, option);
  }
};

/// Takes flags out of the environment that the command line has not given.
result<void> from_environment(const flag& x, arguments& to, const char* (*lookup)(const char*)) {
  const auto* text = lookup(environment_name(x.long_name()).c_str());
  if (text == nullptr || *text == '\0' || x.name == "-h,--help")
    return {};
  if (x.value.empty()) {
    std::string_view value = text;
    if (value == "1" || value == "true" || value == "yes")
      to.add_from_environment(key_of(x), "true");
    else if (value != "0" && value != "false" && value != "no")
      return error{errc::usage, "'" + std::string{value} + "' is neither 1 nor 0",
                   environment_name(x.long_name()), ""};
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
      out.add(key_of(*x), "true");
    } else {
      for (const auto& value : option->results()) {
        if (auto ok = check_words(x->long_name(), x->words, value); !ok)
          return ok.error();
        out.add(key_of(*x), value);
      }
    }
  }
  for (auto [x, option] : p.args) {
    if (option->count() > 0) {
      if (auto ok = check_words(x->name, x->words, option->results().front()); !ok)
        return ok.error();
      out.add(x->name, option->results().front());
    } else if (x->required && !out.has("help")) {
      return error{errc::usage, x->name + " is missing: " + what.usage(), what.name, ""};
    }
  }
  return out;
}

} // namespace coppice::cli
