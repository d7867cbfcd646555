// Checks what a log of ours publishes with Go's own implementation of the same standards, which knows nothing of ours.
//
//	main <folder>
//
// The folder holds: key (vkey), checkpoint and older (signed notes), consistency (hashes, one a line), proofs/<index> (C2SP tlog-proof), and the tiles by their paths.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var folder = os.Args[1]

func main() {
	verifier, err := note.NewVerifier(read("key"))
	check(err)
	verifiers := note.VerifierList(verifier)
	tree := checkpoint(read("checkpoint"), verifiers)
	older := checkpoint(read("older"), verifiers)

	reader := tlog.TileHashReader(tree, tiles{})
	root, err := tlog.TreeHash(tree.N, reader)
	check(err)
	require(root == tree.Hash, "the tiles have another root than the checkpoint")

	consistency := tlog.TreeProof(hashes(lines(read("consistency"))))
	check(tlog.CheckTree(consistency, tree.N, tree.Hash, older.N, older.Hash))
	own, err := tlog.ProveTree(tree.N, older.N, reader)
	check(err)
	require(reflect.DeepEqual(own, consistency), "Go makes another consistency proof")

	files, err := os.ReadDir(filepath.Join(folder, "proofs"))
	check(err)
	for _, file := range files {
		prove(read("proofs/"+file.Name()), verifiers, reader, tree)
	}
	fmt.Printf("size %d, older %d, %d proofs\n", tree.N, older.N, len(files))
}

func checkpoint(text string, verifiers note.Verifiers) tlog.Tree {
	opened, err := note.Open([]byte(text), verifiers)
	check(err)
	require(len(opened.Sigs) == 1 && len(opened.UnverifiedSigs) == 0, "not one signature")
	lines := strings.Split(opened.Text, "\n")
	require(len(lines) == 4 && lines[0] == opened.Sigs[0].Name, "not a checkpoint of this log")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

// A proof's own checkpoint is enough for it. Here it is also held against the tiles and the entry in them.
func prove(text string, verifiers note.Verifiers, reader tlog.HashReader, tree tlog.Tree) {
	parts := strings.SplitN(text, "\n\n", 2)
	head := strings.Split(parts[0], "\n")
	require(head[0] == "c2sp.org/tlog-proof@v1", "not a tlog-proof")
	index, err := strconv.ParseInt(strings.TrimPrefix(head[1], "index "), 10, 64)
	check(err)
	proof := tlog.RecordProof(hashes(head[2:]))
	require(checkpoint(parts[1], verifiers) == tree, "a proof against another checkpoint")

	width := tree.N - index/256*256
	if width > 256 {
		width = 256
	}
	entries := []byte(read(path("entries", index/256, int(width))))
	require(len(entries) == int(width)*34, "a bundle of another length")
	entry := entries[index%256*34 : index%256*34+34]
	require(bytes.Equal(entry[:2], []byte{0, 32}), "an entry of another length")
	leaf := tlog.RecordHash(entry[2:])
	check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf))
	own, err := tlog.ProveRecord(tree.N, index, reader)
	check(err)
	require(reflect.DeepEqual(own, proof), "Go makes another inclusion proof")
}

type tiles struct{}

func (tiles) Height() int { return 8 }

func (tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range wanted {
		data = append(data, []byte(read(path(strconv.Itoa(tile.L), tile.N, tile.W))))
	}
	return data, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// C2SP's paths are Go's without the height.
func path(level string, n int64, width int) string {
	own := tlog.Tile{H: 8, L: 0, N: n, W: width}.Path()
	return "tile/" + level + strings.TrimPrefix(own, "tile/8/0")
}

func hashes(texts []string) []tlog.Hash {
	var parsed []tlog.Hash
	for _, text := range texts {
		data, err := base64.StdEncoding.DecodeString(text)
		check(err)
		var hash tlog.Hash
		require(copy(hash[:], data) == 32 && len(data) == 32, "not a hash")
		parsed = append(parsed, hash)
	}
	return parsed
}

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func read(name string) string {
	data, err := os.ReadFile(filepath.Join(folder, name))
	check(err)
	return string(data)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func require(holds bool, otherwise string) {
	if !holds {
		fmt.Println(otherwise)
		os.Exit(1)
	}
}
