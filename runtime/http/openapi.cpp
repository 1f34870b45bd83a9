// The OpenAPI 3.1 document of a route table.
#include "runtime/http/router.hpp"

#include <boost/json.hpp>

#include <cctype>
#include <set>

namespace coppice::http {

namespace {

namespace bj = boost::json;

struct path_shape {
  std::string path; ///< `/a/{rest}`: the document knows no `{rest*}`.
  std::vector<std::string> parameters;
};

path_shape shape_of(std::string_view pattern) {
  path_shape out;
  std::string name;
  bool inside = false;
  for (auto c : pattern) {
    if (c == '}') {
      out.parameters.push_back(name);
      name.clear();
    }
    if (c == '{' || c == '}')
      inside = c == '{';
    else if (inside && c != '*')
      name.push_back(c);
    if (!(inside && c == '*'))
      out.path.push_back(c);
  }
  return out;
}

bj::object reference(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string{schema}}};
}

bj::object content(std::string_view media_type, bj::object schema) {
  return {{media_type, bj::object{{"schema", std::move(schema)}}}};
}

/// `GET /v1/streams/{name}` -> `get_v1_streams_name`.
std::string operation_id(const route& x) {
  std::string out;
  for (auto c : x.method + x.pattern) {
    auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte))
      out.push_back(static_cast<char>(std::tolower(byte)));
    else if (!out.empty() && out.back() != '_')
      out.push_back('_');
  }
  while (!out.empty() && out.back() == '_')
    out.pop_back();
  return out;
}

bj::array parameters_of(const route& x, const path_shape& shape) {
  bj::array out;
  for (auto& name : shape.parameters)
    out.push_back(bj::object{{"name", name},
                             {"in", "path"},
                             {"required", true},
                             {"schema", bj::object{{"type", "string"}}}});
  for (auto& parameter : x.query) {
    bj::object entry{{"name", parameter.name},
                     {"in", "query"},
                     {"required", parameter.required},
                     {"schema", bj::object{{"type", parameter.type}}}};
    if (!parameter.description.empty())
      entry["description"] = parameter.description;
    out.push_back(std::move(entry));
  }
  return out;
}

bj::object responses_of(const route& x) {
  bj::object success{{"description", "Done"}};
  if (x.streams)
    success["content"] =
      content("text/event-stream", x.response_schema.empty() ? bj::object{{"type", "string"}}
                                                             : reference(x.response_schema));
  else if (!x.response_schema.empty())
    success["content"] = content("application/json", reference(x.response_schema));
  bj::object failure{{"description", "Refused or failed"},
                     {"content", content("application/problem+json", reference("problem"))}};
  bj::object out;
  for (auto status : x.success)
    out[std::to_string(status)] = success;
  out["default"] = std::move(failure);
  return out;
}

bj::object operation_of(const route& x, const path_shape& shape) {
  bj::object out{{"operationId", operation_id(x)}, {"responses", responses_of(x)}};
  if (!x.summary.empty())
    out["summary"] = x.summary;
  if (auto parameters = parameters_of(x, shape); !parameters.empty())
    out["parameters"] = std::move(parameters);
  if (!x.body_schema.empty())
    out["requestBody"] = bj::object{
      {"required", true}, {"content", content("application/json", reference(x.body_schema))}};
  // Scopes of an HTTP scheme are role names (OpenAPI 3.1, Security Requirement Object).
  if (x.needed != role::none)
    out["security"] = bj::array{bj::object{{"token", bj::array{to_string(x.needed)}}}};
  return out;
}

bj::object problem_schema() {
  bj::object text{{"type", "string"}};
  return {{"type", "object"},
          {"required", bj::array{"type", "title", "status", "detail", "code"}},
          {"properties", bj::object{{"type", text},
                                    {"title", text},
                                    {"status", bj::object{{"type", "integer"}}},
                                    {"detail", text},
                                    {"code", text},
                                    {"at", text},
                                    {"hint", text}}}};
}

bj::object components_of(const std::vector<route>& routes, const string_map& schemas) {
  bj::object all{{"problem", problem_schema()}};
  std::set<std::string> names;
  for (auto& x : routes) {
    names.insert(x.body_schema);
    names.insert(x.response_schema);
  }
  for (auto& [name, text] : schemas)
    names.insert(name);
  names.erase("");
  for (auto& name : names) {
    auto found = schemas.find(name);
    boost::system::error_code failed;
    auto schema =
      found == schemas.end() ? bj::value{bj::object{}} : bj::parse(found->second, failed);
    COPPICE_ASSERT(!failed);
    all[name] = std::move(schema);
  }
  return {
    {"schemas", std::move(all)},
    {"securitySchemes", bj::object{{"token", bj::object{{"type", "http"}, {"scheme", "bearer"}}}}}};
}

} // namespace

std::string router::openapi(std::string_view title, std::string_view version,
                            const string_map& schemas) const {
  bj::object paths;
  for (auto& x : routes_) {
    auto shape = shape_of(x.pattern);
    auto& item = paths[shape.path];
    if (!item.is_object())
      item = bj::object{};
    std::string method;
    for (auto c : x.method)
      method.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    item.as_object()[method] = operation_of(x, shape);
  }
  bj::object out{{"openapi", "3.1.0"},
                 {"info", bj::object{{"title", title}, {"version", version}}},
                 {"paths", std::move(paths)},
                 {"components", components_of(routes_, schemas)}};
  return bj::serialize(out);
}

} // namespace coppice::http
