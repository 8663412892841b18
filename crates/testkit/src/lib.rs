//! Toy space, fake device with seeded noise, conformance suites.
