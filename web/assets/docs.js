// Shows the OpenAPI document with Swagger UI, in the browser's light or dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// Swagger UI's own title is a second main heading of the page, and there is one server to choose from.
const plainFrame = (system) => ({
  components: {
    InfoContainer: () => {
      const info = system.specSelectors.info();
      const Markdown = system.getComponent("Markdown", true);
      return system.React.createElement("div", { className: "info" },
        system.React.createElement("h2", null, `${info.get("title")} ${info.get("version")}`),
        system.React.createElement(Markdown, { source: info.get("description") }));
    },
    ServersContainer: () => null,
  },
});

// A call that is sent before Swagger UI has resolved its operation lacks the operation's id, and is not found.
const namedOperations = () => ({
  statePlugins: { spec: { wrapActions: {
    executeRequest: (execute, system) => (request) => {
      const id = system.specSelectors.specJson().getIn(["paths", request.pathName, request.method, "operationId"]);
      return execute({ ...request, operation: request.operation.set("operationId", id) });
    },
  } } },
});

// Swagger UI leaves some of its controls without a name for those who hear the page.
const nameControls = () => {
  for (const control of document.querySelectorAll("#swagger-ui :is(select, textarea):not([aria-label])")) {
    const parameter = control.closest("[data-param-name]");
    control.setAttribute("aria-label", parameter ? parameter.dataset.paramName : control.tagName === "TEXTAREA" ? "Request body" : "Media type");
  }
};
new MutationObserver(nameControls).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  plugins: [plainFrame, namedOperations],
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  // A sign-in on this page is good for its later calls. The token is kept in memory only.
  responseInterceptor: (response) => {
    const path = new URL(response.url, location.href).pathname;
    if (response.ok && (path === "/api/v1/auth/login" || path === "/api/v1/auth/refresh")) {
      ui.preauthorizeApiKey("bearer", JSON.parse(response.text).data.accessToken);
    }
    return response;
  },
});

// The links above the list open their call, as a link from elsewhere does.
addEventListener("hashchange", () => ui.layoutActions.parseDeepLinkHash(location.hash));
