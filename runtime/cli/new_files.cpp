#include "runtime/cli/new_files.hpp"

#include "runtime/base/address.hpp"
#include "runtime/cli/new_templates.hpp"

#include <algorithm>
#include <array>

namespace coppice::cli {

namespace {

constexpr std::string_view include_mark = "// `new actor` and `new message` include";
constexpr std::string_view part_mark = "// ... and register what is in them";
constexpr std::string_view child_mark = "# `new actor` puts its actor";

// Names become namespaces, functions and types.
constexpr std::array taken{
  "alignas",  "alignof",  "and",      "asm",    "auto",    "bool",      "break",    "caf",
  "case",     "catch",    "char",     "class",  "concept", "const",     "continue", "coppice",
  "decltype", "default",  "delete",   "do",     "double",  "else",      "enum",     "explicit",
  "export",   "extern",   "false",    "float",  "for",     "friend",    "goto",     "if",
  "inline",   "int",      "long",     "main",   "mutable", "namespace", "new",      "noexcept",
  "not",      "nullptr",  "operator", "or",     "private", "protected", "public",   "register",
  "requires", "return",   "short",    "signed", "sizeof",  "static",    "std",      "struct",
  "switch",   "template", "this",     "throw",  "true",    "try",       "typedef",  "typeid",
  "typename", "union",    "unsigned", "using",  "virtual", "void",      "volatile", "while",
  "xor"};

result<void> check_new_name(const std::string& x, const std::string& whole,
                            std::string_view shape) {
  if (std::find(taken.begin(), taken.end(), x) != taken.end())
    return error{errc::usage, "'" + x + "' means something in C++ already; use another name",
                 "NAME", ""};
  if (!is_name(x) || x.find('-') != std::string::npos)
    return error{errc::usage, "'" + whole + "' is not " + std::string{shape}, "NAME", ""};
  return {};
}

std::string fill(std::string text, const std::string& app, const std::string& name,
                 uint32_t block) {
  for (auto& [mark, with] : {std::pair<std::string, std::string>{"@APP@", app},
                             {"@NAME@", name},
                             {"@BLOCK@", std::to_string(block)}})
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + with.size()))
      text.replace(at, mark.size(), with);
  return text;
}

/// Puts lines in front of the line with a mark, indented as that is; false when there is none.
bool insert_above(std::string& text, std::string_view mark, const std::string& lines) {
  auto at = text.find(mark);
  if (at == std::string::npos)
    return false;
  auto begin = text.rfind('\n', at);
  begin = begin == std::string::npos ? 0 : begin + 1;
  auto indent = text.substr(begin, at - begin);
  std::string out;
  for (size_t from = 0; from < lines.size();) {
    auto end = lines.find('\n', from);
    out += indent + lines.substr(from, end - from) + "\n";
    from = end == std::string::npos ? lines.size() : end + 1;
  }
  text.insert(begin, out);
  return true;
}

/// Enters what was made in the app's main.cpp and node.yaml, or says what is to be entered.
void enter(new_plan& plan, const std::string& app, const std::string& name, bool is_actor,
           const file_reader& read) {
  auto include = "#include \"" + name + ".hpp\"";
  auto what = app + "::add_" + name;
  auto part =
    is_actor ? "{" + what + ", " + what + "_messages}," : "{nullptr, " + what + "_messages},";
  auto text = read("main.cpp");
  if (text && insert_above(*text, include_mark, include) && insert_above(*text, part_mark, part))
    plan.files.push_back({"main.cpp", std::move(*text), true});
  else
    plan.to_do.push_back("in main.cpp: " + include + ", and " + part + " in coppice::run");
  if (!is_actor)
    return;
  auto child = "- id: " + name + "\n  type: " + app + "." + name + "\n  args: {step: 1}";
  text = read("node.yaml");
  if (text && insert_above(*text, child_mark, child))
    plan.files.push_back({"node.yaml", std::move(*text), true});
  else
    plan.to_do.push_back("in the configuration: a child {id: " + name + ", type: " + app + "."
                         + name + "}");
}

} // namespace

result<new_plan> new_files(const std::string& kind, const std::string& name, uint32_t block,
                           const file_reader& read) {
  new_plan out;
  auto add = [&](const std::string& path, const char* text, const std::string& app,
                 const std::string& what) {
    out.files.push_back({path, fill(text, app, what, block)});
  };
  if (kind == "app") {
    if (auto ok = check_new_name(name, name, "a program's name: [a-z][a-z0-9_]*"); !ok)
      return ok.error();
    const std::string first = name == "counter" ? "adder" : "counter";
    add(name + "/CMakeLists.txt", templates::app_cmake, name, first);
    add(name + "/README.md", templates::app_readme, name, first);
    add(name + "/main.cpp", templates::app_main, name, first);
    add(name + "/node.yaml", templates::app_config, name, first);
    add(name + "/" + first + ".hpp", templates::actor_header, name, first);
    add(name + "/" + first + ".cpp", templates::actor_source, name, first);
    add(name + "/" + first + ".test.cpp", templates::actor_test, name, first);
    return out;
  }
  auto dot = name.find('.');
  auto app = name.substr(0, dot);
  auto what = dot == std::string::npos ? std::string{} : name.substr(dot + 1);
  constexpr std::string_view shape = "SYSTEM.NAME, e.g. shop.till, both [a-z][a-z0-9_]*";
  for (auto& x : {app, what})
    if (auto ok = check_new_name(x, name, shape); !ok)
      return ok.error();
  if (app == what)
    return error{errc::usage, "the name of the system cannot be that of a part of it", "NAME", ""};
  if (kind == "actor") {
    add(what + ".hpp", templates::actor_header, app, what);
    add(what + ".cpp", templates::actor_source, app, what);
    add(what + ".test.cpp", templates::actor_test, app, what);
  } else {
    add(what + ".hpp", templates::message_header, app, what);
    add(what + ".test.cpp", templates::message_test, app, what);
  }
  enter(out, app, what, kind == "actor", read);
  return out;
}

uint32_t free_block(const std::vector<std::string>& texts) {
  constexpr std::string_view word = "user_types<";
  uint32_t out = 0;
  for (auto& text : texts)
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      auto digits = text.substr(at + word.size(), 4);
      if (!digits.empty() && digits[0] >= '0' && digits[0] <= '9')
        out = std::max(out, static_cast<uint32_t>(std::atoi(digits.c_str())) + 1);
    }
  return out;
}

} // namespace coppice::cli
