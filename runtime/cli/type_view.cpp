#include "runtime/cli/type_view.hpp"

#include "runtime/cli/session.hpp"

namespace coppice::cli {

namespace {

/// For a shell: in single quotes, single quotes of its own closed and escaped.
std::string shell_quoted(std::string_view raw) {
  std::string out = "'";
  for (char c : raw)
    out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return out + "'";
}

std::string render_fields(const json::value& type, const style& how) {
  std::vector<row> rows;
  for (const auto& x : items(type, "fields")) {
    const auto* fallback = cli::find(x, "default");
    rows.push_back({{show(x, "name")},
                    {show(x, "type")},
                    {is_true(x, "required") ? "required"
                     : fallback != nullptr && !fallback->is_null()
                       ? "default " + escape_text(json::serialize(*fallback))
                       : "optional"},
                    {show(x, "description") == "-" ? "" : show(x, "description")}});
  }
  if (rows.empty())
    return "no fields\n";
  return render_table({{"FIELD"}, {"TYPE", false, 12}, {""}, {"", false, 20}}, rows, how);
}

} // namespace

std::string render_type(const json::value& type, const std::string& program, const style& how) {
  auto name = show(type, "name");
  bool message = text(type, "kind") != "actor";
  auto out =
    paint(how, tone::strong, name) + "  " + (message ? "message" : "actor, its arguments:");
  if (show(type, "summary") != "-")
    out += "  " + show(type, "summary");
  out += "\n\n" + render_fields(type, how);
  if (!items(type, "accepts").empty())
    out += "\naccepts      " + show_list(type, "accepts") + "\n";
  if (!items(type, "accepted_by").empty())
    out += "\naccepted by  " + show_list(type, "accepted_by") + "\n";
  const auto* example = cli::find(type, "example");
  auto body = example == nullptr ? std::string{"{}"} : json::serialize(*example);
  out += "\nexample\n  " + escape_text(body) + "\n";
  if (message) {
    auto whole = "{\"type\":\"" + text(type, "name") + "\",\"body\":" + body + "}";
    out += "\n  " + program + " send PATH " + name + " " + escape_text(shell_quoted(body)) + "\n";
    out += "  curl --unix-socket SOCKET -H 'Content-Type: application/json' -d "
           + escape_text(shell_quoted(whole))
           + " 'http://localhost/v1/actors/messages?path=PATH&mode=send'\n";
  } else {
    out += "\n  " + program + " spawn PATH --type " + name + " --args "
           + escape_text(shell_quoted(body)) + "\n";
  }
  if (const auto* schema = cli::find(type, "schema"); schema != nullptr && !schema->is_null())
    out += "\nschema\n" + escape_lines(json::serialize_pretty(*schema)) + "\n";
  return out;
}

result<int> types(session& in, const arguments& args) {
  view how;
  how.name = names_of("name");
  if (args.has("NAME")) {
    auto answer = in.get("/v1/types/" + http::encode_component(args.get("NAME")));
    if (!answer)
      return answer.error();
    how.table = [&](const json::value& x, const style& s) {
      return render_type(x, command_of(in.env()), s);
    };
    return in.print(*answer, how);
  }
  auto answer = in.get("/v1/types");
  if (!answer)
    return answer.error();
  how.table = [](const json::value& x, const style& s) {
    std::vector<row> rows;
    for (const auto& item : items(x, ""))
      rows.push_back({{show(item, "name")},
                      {show(item, "kind"), tone::dim},
                      {show(item, "summary") == "-" ? "" : show(item, "summary")}});
    return render_table({{"NAME"}, {"KIND"}, {"", false, 30}}, rows, s);
  };
  return in.print(*answer, how);
}

} // namespace coppice::cli
