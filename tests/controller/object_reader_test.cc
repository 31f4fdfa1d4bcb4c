#include "controller/object_reader.h"

#include <doctest/doctest.h>

#include "controller/build.h"
#include "controller/documents.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

struct Read {
  ReadResult result;
  std::vector<Problem> problems;
};

Read read(const base::Value& document) {
  ProblemList problems;
  Read out{
      read_object(document, {.source = "a.yaml", .position = "document[0]", .api_version = {}, .kind = {}},
                  problems),
      {}};
  out.problems = problems.take();
  return out;
}

template <typename T>
T read_sound(const std::string& kind) {
  const Read out = read(json(sound_documents().at(kind)));
  CAPTURE(text_of(out.problems));
  CHECK(out.problems.empty());
  REQUIRE(out.result.object.has_value());
  return std::get<T>(*out.result.object);
}

enum class Kept { kNo, kYes };

// One spoiled field of a sound document.
struct Row {
  std::string kind, path, value;  // value is JSON
  Kept kept;
  std::string field, why;  // field "" = same as path
};

}  // namespace

TEST_CASE("ReadsAnIngress") {
  const auto ingress = read_sound<Ingress>("Ingress");
  CHECK(ingress.meta.namespace_ == "shop");
  CHECK(ingress.meta.name == "web");
  CHECK(ingress.meta.created_at == 1767323045);
  CHECK(ingress.meta.annotations.at("note") == "x");
  CHECK(ingress.meta.labels.at("app") == "web");
  CHECK(ingress.class_name == "ours");
  REQUIRE(ingress.default_backend);
  CHECK(ingress.default_backend->service == "rest");
  CHECK(ingress.default_backend->port.number == 80);
  REQUIRE(ingress.rules.size() == 2);
  CHECK(ingress.rules[0].host == "x.y");
  REQUIRE(ingress.rules[0].paths.size() == 2);
  CHECK(ingress.rules[0].paths[0].type == PathType::kPrefix);
  CHECK(ingress.rules[0].paths[0].backend.port.name == "http");
  CHECK(ingress.rules[0].paths[1].type == PathType::kExact);
  CHECK(ingress.rules[0].paths[1].index == 1);
  CHECK(ingress.rules[1].paths.empty());
  REQUIRE(ingress.tls.size() == 1);
  CHECK(ingress.tls[0].secret == "cert");
}

TEST_CASE("ReadsTheOtherKinds") {
  const auto ingress_class = read_sound<IngressClass>("IngressClass");
  CHECK(ingress_class.meta.namespace_.empty());
  CHECK(ingress_class.controller == "libingress.dev/proxyd");
  CHECK(ingress_class.is_default);

  const auto service = read_sound<Service>("Service");
  REQUIRE(service.ports.size() == 2);
  CHECK(service.ports[0].target_port_name == "web");
  CHECK(service.ports[0].target_port == 0);
  CHECK(service.ports[1].target_port == 9001);

  const auto slice = read_sound<EndpointSlice>("EndpointSlice");
  CHECK(slice.service == "web");
  REQUIRE(slice.endpoints.size() == 3);
  CHECK(slice.endpoints[0].terminating == false);
  CHECK(!slice.endpoints[1].ready);
  CHECK(slice.endpoints[1].zone == "eu-1a");
  CHECK(slice.endpoints[1].hint_zone == "eu-1b");
  CHECK(!slice.endpoints[2].ready);
  CHECK(slice.ports[1].port == 9001);

  const auto secret = read_sound<Secret>("Secret");
  CHECK(secret.type == "kubernetes.io/tls");
  CHECK(secret.data ==
        std::map<std::string, std::string>{{"note", "plain"}, {"tls.crt", "cert"}, {"tls.key", "secret"}});
}

TEST_CASE("TheNamespaceDefaultsAndNullIsAbsent") {
  base::Value document = json(sound_documents().at("Ingress"));
  for (const char* path : {"metadata.namespace", "metadata.creationTimestamp", "metadata.labels",
                           "spec.ingressClassName", "spec.tls", "spec.defaultBackend", "spec.rules[1].http"})
    *place(document, path) = base::Value();
  const Read out = read(document);
  CHECK(out.problems.empty());
  REQUIRE(out.result.object);
  const auto& ingress = std::get<Ingress>(*out.result.object);
  CHECK(ingress.meta.namespace_ == "default");
  CHECK(!ingress.meta.created_at);
  CHECK(!ingress.class_name);
  CHECK(!ingress.default_backend);
}

// Long because it is one table.
TEST_CASE("WrongFieldsAreNamedAndHurtAsLittleAsTheyCan") {
  const std::string ports = "spec.rules[0].http.paths[0].backend.service.port";
  const std::vector<Row> rows{
      {"Ingress", "metadata", "null", Kept::kNo, "document[0].metadata", "missing"},
      {"Ingress", "metadata", "[]", Kept::kNo, "document[0].metadata", "list, not an object"},
      {"Ingress", "metadata", R"("x")", Kept::kNo, "document[0].metadata", "not an object"},
      {"Ingress", "metadata.name", "null", Kept::kNo, "document[0].metadata.name", "missing"},
      {"Ingress", "metadata.name", "7", Kept::kNo, "document[0].metadata.name", "integer, not a string"},
      {"Ingress", "metadata.name", R"("")", Kept::kNo, "document[0].metadata.name", "no RFC 1123 subdomain"},
      {"Ingress", "metadata.name", R"("Web")", Kept::kNo, "", "no RFC 1123 subdomain"},
      {"Ingress", "metadata.name", R"("../etc/passwd")", Kept::kNo, "", "no RFC 1123 subdomain"},
      {"Ingress", "metadata.name", R"("a\nb")", Kept::kNo, "", "\"a\\x0Ab\""},
      {"Service", "metadata.name", R"("a.b")", Kept::kNo, "", "no RFC 1123 label"},
      {"Ingress", "metadata.namespace", R"("a.b")", Kept::kNo, "", "no RFC 1123 label"},
      {"Ingress", "metadata.namespace", "1", Kept::kNo, "", "not a string"},
      {"Ingress", "metadata.annotations", "[]", Kept::kNo, "", "not an object"},
      {"Ingress", "metadata.annotations.note", "true", Kept::kNo, "", "bool, not a string"},
      {"Ingress", "metadata.labels.app", "{}", Kept::kNo, "", "not a string"},
      {"Ingress", "metadata.creationTimestamp", R"("yesterday")", Kept::kYes, "", "no RFC 3339 time"},
      {"Ingress", "metadata.creationTimestamp", "12", Kept::kYes, "", "not a string"},
      {"Ingress", "spec", "null", Kept::kNo, "", "missing"},
      {"Ingress", "spec", "[]", Kept::kNo, "", "not an object"},
      {"Ingress", "spec.ingressClassName", R"("A B")", Kept::kNo, "", "no IngressClass name"},
      {"Ingress", "spec.rules", "{}", Kept::kNo, "", "not a list"},
      {"Ingress", "spec.rules[0]", "null", Kept::kYes, "", "missing"},
      {"Ingress", "spec.rules[0]", R"("x")", Kept::kYes, "", "not an object"},
      {"Ingress", "spec.rules[0].host", "7", Kept::kYes, "", "put it in quotes"},
      {"Ingress", "spec.rules[0].http", "[]", Kept::kYes, "", "not an object"},
      {"Ingress", "spec.rules[0].http.paths", "{}", Kept::kYes, "", "not a list"},
      {"Ingress", "spec.rules[0].http.paths[0]", "1", Kept::kYes, "", "not an object"},
      {"Ingress", "spec.rules[0].http.paths[0].path", "1", Kept::kYes, "", "not a string"},
      {"Ingress", "spec.rules[0].http.paths[0].pathType", "null", Kept::kYes, "", "missing"},
      {"Ingress", "spec.rules[0].http.paths[0].pathType", R"("prefix")", Kept::kYes, "", "no path type"},
      {"Ingress", "spec.rules[0].http.paths[0].pathType", R"("Prefix\n")", Kept::kYes, "", "no path type"},
      {"Ingress", "spec.rules[0].http.paths[0].backend", "null", Kept::kYes, "", "missing"},
      {"Ingress", "spec.rules[0].http.paths[0].backend.service", "null", Kept::kYes, "", "missing"},
      {"Ingress", "spec.rules[0].http.paths[0].backend.service.name", "null", Kept::kYes, "", "missing"},
      {"Ingress", "spec.rules[0].http.paths[0].backend.service.name", R"("a/b")", Kept::kYes, "",
       "no Service name"},
      {"Ingress", ports, "null", Kept::kYes, "", "missing"},
      {"Ingress", ports, "80", Kept::kYes, "", "not an object"},
      {"Ingress", ports, "{}", Kept::kYes, "", "neither"},
      {"Ingress", ports, R"({"number":80,"name":"http"})", Kept::kYes, "", "both"},
      {"Ingress", ports + ".name", R"("A;b")", Kept::kYes, "", "no port name"},
      {"Ingress", "spec.rules[0].http.paths[1].backend.service.port.number", "0", Kept::kYes, "",
       "outside 1 to 65535"},
      {"Ingress", "spec.rules[0].http.paths[1].backend.service.port.number", "65536", Kept::kYes, "",
       "outside"},
      {"Ingress", "spec.rules[0].http.paths[1].backend.service.port.number", "-1", Kept::kYes, "", "outside"},
      {"Ingress", "spec.rules[0].http.paths[1].backend.service.port.number", "80.0", Kept::kYes, "",
       "not an integer"},
      {"Ingress", "spec.rules[0].http.paths[1].backend.service.port.number", R"("80")", Kept::kYes, "",
       "not an integer"},
      {"Ingress", "spec.defaultBackend.service.port.number", "99999", Kept::kYes, "", "outside"},
      {"Ingress", "spec.tls", "{}", Kept::kYes, "", "not a list"},
      {"Ingress", "spec.tls[0].hosts[0]", "1", Kept::kYes, "", "not a string"},
      {"Ingress", "spec.tls[0].hosts[0]", R"("")", Kept::kYes, "", "is empty"},
      {"Ingress", "spec.tls[0].hosts", R"("x.y")", Kept::kYes, "", "not a list"},
      {"Ingress", "apiVersion", "null", Kept::kNo, "", "missing"},
      {"Ingress", "apiVersion", R"("networking.k8s.io/v1beta1")", Kept::kNo, "",
       "not served for kind Ingress"},
      {"Ingress", "apiVersion", R"("extensions/v1beta1")", Kept::kNo, "", "not served for kind Ingress"},
      {"EndpointSlice", "apiVersion", R"("discovery.k8s.io/v1beta1")", Kept::kNo, "", "not served"},
      {"Service", "apiVersion", R"("v2")", Kept::kNo, "", "not served"},
      {"Ingress", "kind", "null", Kept::kNo, "document[0].kind", "missing"},
      {"Ingress", "kind", "[]", Kept::kNo, "document[0].kind", "not a string"},
      {"IngressClass", "spec.controller", "null", Kept::kNo, "", "missing"},
      {"IngressClass", "spec", "null", Kept::kNo, "", "missing"},
      {"Service", "spec.type", R"("Magic")", Kept::kNo, "", "no type of Service"},
      {"Service", "spec.type", R"("ExternalName")", Kept::kNo, "spec.externalName", "missing"},
      {"Service", "spec.ports", "{}", Kept::kNo, "", "not a list"},
      {"Service", "spec.ports[0].port", "null", Kept::kYes, "", "missing"},
      {"Service", "spec.ports[0].port", "70000", Kept::kYes, "", "outside"},
      {"Service", "spec.ports[0].name", R"("A B")", Kept::kYes, "", "no port name"},
      {"Service", "spec.ports[0].protocol", R"("tcp")", Kept::kYes, "", "no protocol"},
      {"Service", "spec.ports[0].appProtocol", "1", Kept::kYes, "", "not a string"},
      {"Service", "spec.ports[1].targetPort", "0", Kept::kYes, "", "outside"},
      {"Service", "spec.ports[1].targetPort", "[]", Kept::kYes, "", "not an integer"},
      {"EndpointSlice", "addressType", "null", Kept::kNo, "", "missing"},
      {"EndpointSlice", "addressType", R"("IPv5")", Kept::kNo, "", "no address type"},
      {"EndpointSlice", "endpoints", "{}", Kept::kNo, "", "not a list"},
      {"EndpointSlice", "endpoints[0]", "null", Kept::kYes, "", "missing"},
      {"EndpointSlice", "endpoints[0].addresses", R"("10.0.0.1")", Kept::kYes, "", "not a list"},
      {"EndpointSlice", "endpoints[0].addresses[0]", "null", Kept::kYes, "", "missing"},
      {"EndpointSlice", "endpoints[0].addresses[0]", "10", Kept::kYes, "", "not a string"},
      {"EndpointSlice", "endpoints[0].addresses[0]", R"("")", Kept::kYes, "", "empty"},
      {"EndpointSlice", "endpoints[0].conditions.ready", R"("true")", Kept::kYes, "", "true or false"},
      {"EndpointSlice", "endpoints[1].zone", R"("a b")", Kept::kYes, "", "no name of a zone"},
      {"EndpointSlice", "endpoints[1].zone", "1", Kept::kYes, "", "not a string"},
      {"EndpointSlice", "endpoints[1].hints", "[]", Kept::kYes, "", "not an object"},
      {"EndpointSlice", "endpoints[1].hints.forZones", "{}", Kept::kYes, "", "not a list"},
      {"EndpointSlice", "endpoints[1].hints.forZones[0]", "1", Kept::kYes, "", "not an object"},
      {"EndpointSlice", "endpoints[1].hints.forZones[0].name", R"("\n")", Kept::kYes, "",
       "no name of a zone"},
      {"EndpointSlice", "ports[0].port", R"("http")", Kept::kYes, "", "not an integer"},
      {"EndpointSlice", "ports[0].protocol", "6", Kept::kYes, "", "not a string"},
      {"Secret", "data", "[]", Kept::kNo, "", "not an object"},
      {"Secret", "data.bad", R"("!!")", Kept::kNo, "", "not valid base64"},
      {"Secret", "stringData.bad", "1", Kept::kNo, "", "not a string"},
      {"Secret", "type", "1", Kept::kNo, "", "not a string"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.kind + ' ' + row.path + " = " + row.value);
    base::Value document = json(sound_documents().at(row.kind));
    base::Value* at = place(document, row.path);
    REQUIRE(at != nullptr);
    *at = json(row.value);
    const Read out = read(document);
    CAPTURE(text_of(out.problems));
    CHECK(out.result.object.has_value() == (row.kept == Kept::kYes));
    REQUIRE(out.problems.size() == 1);
    const Problem& problem = out.problems[0];
    CHECK(problem.field == (row.field.empty() ? row.path : row.field));
    CHECK((problem.why + problem.fix).find(row.why) != std::string::npos);
    CHECK(problem.source == "a.yaml");
    CHECK(!problem.fix.empty());
    if (row.path != "kind") CHECK(problem.object.kind == row.kind);
  }
}

TEST_CASE("AMalformedBackendStaysAsOneThatNamesNothing") {
  base::Value document = json(sound_documents().at("Ingress"));
  *place(document, "spec.rules[0].http.paths[0].backend.service.port") = json("{}");
  const Read out = read(document);
  REQUIRE(out.result.object);
  const auto& paths = std::get<Ingress>(*out.result.object).rules[0].paths;
  REQUIRE(paths.size() == 2);
  CHECK(!paths[0].backend.service);
}

TEST_CASE("PositionsOutliveMalformedNeighbours") {
  base::Value document = json(sound_documents().at("Ingress"));
  *place(document, "spec.rules[0].http.paths[0].pathType") = json("1");
  Read out = read(document);
  REQUIRE(out.result.object);
  const auto& rule = std::get<Ingress>(*out.result.object).rules[0];
  REQUIRE(rule.paths.size() == 1);
  CHECK(rule.paths[0].index == 1);

  document = json(sound_documents().at("Ingress"));
  *place(document, "spec.rules[0]") = json("1");
  out = read(document);
  REQUIRE(out.result.object);
  const auto& ingress = std::get<Ingress>(*out.result.object);
  REQUIRE(ingress.rules.size() == 1);
  CHECK(ingress.rules[0].index == 1);
  CHECK(ingress.has_refused_rules);

  document = json(sound_documents().at("EndpointSlice"));
  *place(document, "endpoints[0]") = json("1");
  out = read(document);
  REQUIRE(out.result.object);
  CHECK(std::get<EndpointSlice>(*out.result.object).endpoints.size() == 3);
}

TEST_CASE("AnIngressOfWhichNoRuleIsLeftIsNoCatchAll") {
  base::Value document = json(sound_documents().at("Ingress"));
  *place(document, "spec.rules") = json("[7]");
  *place(document, "spec.ingressClassName") = base::Value();
  const Read out = read(document);
  REQUIRE(out.result.object);
  const Translation result = translate(make_store({*out.result.object}), {});
  CHECK(result.config.routes.empty());
}

TEST_CASE("OtherKindsAreNotOurs") {
  for (const char* text :
       {R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":7}})",
        R"({"apiVersion":"serving.knative.dev/v1","kind":"Service"})",
        R"({"apiVersion":"config.openshift.io/v1","kind":"Ingress","spec":[]})", R"({"kind":"x"})"}) {
    CAPTURE(std::string(text));
    const Read out = read(json(text));
    CHECK(out.result.outcome == ReadOutcome::kOtherKind);
    CHECK(out.problems.empty());
  }
}

TEST_CASE("DocumentsThatAreNoObjectsAreNamedByPosition") {
  for (const char* text : {"1", "[]", R"("x")", "null"}) {
    const Read out = read(json(text));
    CHECK(out.result.outcome == ReadOutcome::kRefused);
    REQUIRE(out.problems.size() == 1);
    CHECK(out.problems[0].field == "document[0]");
  }
}

TEST_CASE("NoProblemShowsASecret") {
  const std::string marker = "hunter2";
  base::Value sound = json(sound_documents().at("Secret"));
  std::vector<base::Value> spoiled;
  for (const char* path : {"data.tls", "stringData.tls", "data", "stringData"}) {
    for (const std::string& value :
         {'"' + marker + '"', "[\"" + marker + "\"]", "{\"" + marker + "\\n\":1}",
          "{\"k\":{\"" + marker + "\":\"" + marker + "\"}}", "{\"k\":\"" + marker + "=\"}"}) {
      base::Value document = sound;
      *place(document, path) = json(value);
      spoiled.push_back(std::move(document));
    }
  }
  base::Value large = sound;
  std::string text;
  while (text.size() < 3u << 20) text += marker;
  *place(large, "stringData.k") = base::Value(text);
  spoiled.push_back(large);
  for (const base::Value& document : spoiled) {
    const std::string shown = text_of(read(document).problems);
    CHECK(shown.find(marker) == std::string::npos);
  }
  CHECK(read(large).problems.size() == 1);
}

TEST_CASE("BoundsHold") {
  base::Value document = json(sound_documents().at("Ingress"));
  *place(document, "spec.rules") = base::Value(base::Value::Array(10'001, json("{}")));
  CHECK(has_problem(read(document).problems, "spec.rules", "10001 elements"));

  document = json(sound_documents().at("Ingress"));
  const base::Value path = *place(document, "spec.rules[0].http.paths[0]");
  *place(document, "spec.rules[0].http.paths") = base::Value(base::Value::Array(6'000, path));
  *place(document, "spec.rules[1].http") = json("{}");
  *place(document, "spec.rules[1].http.paths") = base::Value(base::Value::Array(6'000, path));
  CHECK(has_problem(read(document).problems, "spec.rules", "10000 paths"));

  document = json(sound_documents().at("EndpointSlice"));
  *place(document, "endpoints") = base::Value(base::Value::Array(1'001, json("{}")));
  CHECK(has_problem(read(document).problems, "endpoints", "1001 elements"));

  document = json(sound_documents().at("Ingress"));
  *place(document, "metadata.annotations.note") = base::Value(std::string(300'000, 'x'));
  CHECK(has_problem(read(document).problems, "metadata.annotations.note", "longer than"));

  document = json(sound_documents().at("Ingress"));
  *place(document, "spec.rules") = base::Value(base::Value::Array(5'000, json("1")));
  CHECK(read(document).problems.size() == ProblemList::kMaxPerObject + 1);
}
