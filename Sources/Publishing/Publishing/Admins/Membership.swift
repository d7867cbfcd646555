extension AdminRules {
    /// The events that say who is an admin, and their open field that names whom.
    package static let membership = (types: ["AdminAdded", "AdminRemoved"], field: "user")
}
