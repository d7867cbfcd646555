extension Readiness {
    /// A service of other processes, by how its instances do. It names no addresses: anyone may ask.
    package struct Upstream: Sendable {
        package let name: String
        package let instances: Int
        /// Instances whose breaker is open.
        package let open: Int
        /// Instances that are being tried after that.
        package let halfOpen: Int
        /// Instances that are passed over while there are others.
        package let ejected: Int

        package init(name: String, instances: Int, open: Int, halfOpen: Int, ejected: Int) {
            self.name = name
            self.instances = instances
            self.open = open
            self.halfOpen = halfOpen
            self.ejected = ejected
        }

        /// Whether any instance would be called.
        var isUp: Bool { open < instances }
    }
}
