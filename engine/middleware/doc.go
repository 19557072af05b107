// Package middleware is the stages that a route may put in front of what it does, and the
// chains that they make.
//
// Start reading in chain.go: a Chain is what runs for the requests of one route, a flat
// slice that was compiled when the configuration was. build.go makes the stages of a
// configuration and its chains. Every other file is one type of stage, named like it; its
// keys stand in the file stage_NAME.go of package config.
//
// A stage is a stage.Requester, a stage.Responder or both, and never changes once it is
// built. It runs inside the event loop: what has to wait says stage.Wait, and is called
// again in a goroutine. What it has learnt, and what has to outlive a reload, it keeps in
// the Book. engine imports it; it knows of no exchange but by package engine/stage.
package middleware
