#include "runtime/store/postgres/connecting.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>

#include <libpq-fe.h>

namespace coppice::postgres {

namespace {

result<std::map<std::string, std::string>> parse(const std::string& url) {
  char* said = nullptr;
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
    PQconninfoParse(url.c_str(), &said), &PQconninfoFree};
  if (!options) {
    std::string why = said == nullptr ? "out of memory" : said;
    PQfreemem(said);
    while (!why.empty() && (why.back() == '\n' || why.back() == '.'))
      why.pop_back();
    return error{errc::invalid_config, "this is no connection string of PostgreSQL: " + why, "",
                 "postgresql://user@host:5432/database"};
  }
  std::map<std::string, std::string> out;
  for (auto* x = options.get(); x->keyword != nullptr; ++x)
    if (x->val != nullptr && *x->val != '\0')
      out[x->keyword] = x->val;
  return out;
}

std::string quoted_value(const std::string& x) {
  std::string out = "'";
  for (char c : x) {
    if (c == '\'' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "'";
}

} // namespace

result<std::string> read_password(const std::string& file) {
  std::ifstream in{file};
  std::string out;
  if (!std::getline(in, out) || out.empty())
    return error{errc::invalid_config,
                 "the file has no password on its first line, or cannot be read", file};
  return out;
}

result<std::string> with_deadlines(const std::string& url, const std::string& password) {
  auto options = parse(url);
  if (!options)
    return options.error();
  if (!password.empty())
    (*options)["password"] = password;
  options->try_emplace("connect_timeout", "3");
  options->try_emplace("tcp_user_timeout", "10000"); // milliseconds
  options->try_emplace("keepalives_idle", "5");
  options->try_emplace("keepalives_interval", "5");
  options->try_emplace("keepalives_count", "3");
  options->try_emplace("application_name", "coppice");
  std::string out;
  for (const auto& [name, value] : *options)
    out += (out.empty() ? "" : " ") + name + "=" + quoted_value(value);
  return out;
}

std::string place_of(const std::string& url) {
  auto options = parse(url);
  if (!options)
    return "PostgreSQL";
  auto get = [&](const char* name, const char* otherwise) {
    auto i = options->find(name);
    return i == options->end() ? std::string{otherwise} : i->second;
  };
  return get("host", "localhost") + ":" + get("port", "5432") + "/" + get("dbname", "");
}

result<void> check_schema_name(const std::string& name) {
  auto fine = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  auto later = [&](char c) { return fine(c) || (c >= '0' && c <= '9'); };
  if (!name.empty() && name.size() <= 63 && fine(name[0])
      && std::all_of(name.begin(), name.end(), later) && !name.starts_with("pg_"))
    return {};
  return error{
    errc::invalid_config,
    "'" + name
      + "' cannot be the schema: 1 to 63 small letters, digits and underscores, beginning "
        "with a letter, not with pg_",
    "", "coppice"};
}

} // namespace coppice::postgres
