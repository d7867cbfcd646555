package import HTTPContract
package import Logging
package import Postgres
package import Projections

/// The query service, ready to answer.
package struct Queries: Sendable {
    /// What it answers, for the OpenAPI document to be held against.
    package let routes: Routes
    /// What the gateway calls, or a server listens for.
    package let responder: ServiceResponder
    /// Sends the views of posts to the command service; must be run beside the responder, and stopped after it.
    package let views: ViewWindow
}

/// Builds the query service: it reads the read database, and asks the command service to record views.
/// - Parameters:
///   - read: connections that may SELECT from the read database.
///   - positions: tells when a read model has reached a position.
///   - commands: the command service, called in this service's name.
///   - verifier: checks users' tokens, for the audience `queries`.
///   - serviceKey: checks other services' tokens and seals list cursors.
package func queryService(
    read: ConnectionPool, positions: ReadModelPositions, commands: ServiceClient, verifier: TokenVerifier, serviceKey: ServiceKey,
    viewWindow: ViewWindowSettings = ViewWindowSettings(), logger: Logger
) -> Queries {
    let models = ReadModels(pool: read, positions: positions)
    let recorder = ViewRecorder(commands: commands)
    let views = ViewWindow(recorder: recorder, settings: viewWindow, logger: logger)
    let cursors = CursorCodec(key: serviceKey)

    var routes = Routes()
    PostListRoutes(models: models, cursors: cursors).add(to: &routes)
    PostRoutes(models: models, views: views).add(to: &routes)
    ViewRoutes(models: models, views: views, recorder: recorder, cursors: cursors).add(to: &routes)
    UserRoutes(models: models, cursors: cursors).add(to: &routes)
    ErasureRoutes(pool: read, positions: positions).add(to: &routes)
    let responder = routes.responder(
        service: "queries", verifier: verifier, serviceKey: serviceKey, logger: logger, mapping: Problem.ofReadDatabase)
    return Queries(routes: routes, responder: responder, views: views)
}
