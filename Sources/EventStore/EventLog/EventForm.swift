/// In which form a store's readers get events.
package enum EventForm: Sendable {
    /// Personal fields opened, or null where their key is destroyed or not at hand; data in its type's newest version. An unknown type or version is an error.
    case opened
    /// As the log stores it: personal fields sealed, data in the version it was written in, of any type. Needs no vault.
    case stored
}
