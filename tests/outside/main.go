// Checks what this project wrote with Go's own checksum-database code, which nobody here wrote:
// golang.org/x/mod/sumdb/note (signed notes) and golang.org/x/mod/sumdb/tlog (RFC 6962 proofs and
// tiles), as they come with every Go. Of a witness's line it checks the form alone: Go has no
// cosignatures.
//
// It reads one JSON object from standard input and prints "accepted", or what is refused.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type given struct {
	Key               string // a verifier key
	Note              string // a cosigned checkpoint
	Old               int64  // the size of an earlier tree
	OldRoot           []byte
	Index             int64
	Leaf              []byte
	Inclusion, Growth [][]byte // proofs
	Tiles             string   // folder of an export
}

func main() {
	var g given
	must(json.NewDecoder(os.Stdin).Decode(&g))
	log, err := note.NewVerifier(g.Key)
	must(err)
	opened, err := note.Open([]byte(g.Note), note.VerifierList(log))
	must(err)
	if len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 1 {
		must(fmt.Errorf("not one signature of the log and one line of a witness"))
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	must(tlog.CheckRecord(hashes(g.Inclusion), size, root, g.Index, tlog.RecordHash(g.Leaf)))
	must(tlog.CheckTree(hashes(g.Growth), size, root, g.Old, hashes([][]byte{g.OldRoot})[0]))
	tiles := &folder{g.Tiles}
	read, err := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles).ReadHashes(
		[]int64{tlog.StoredHashIndex(0, g.Index)})
	must(err)
	if read[0] != tlog.RecordHash(g.Leaf) {
		must(fmt.Errorf("the tiles have another leaf"))
	}
	fmt.Println("accepted")
}

func hashes(raw [][]byte) []tlog.Hash {
	found := make([]tlog.Hash, len(raw))
	for i, hash := range raw {
		if len(hash) != tlog.HashSize {
			must(fmt.Errorf("a hash has %d bytes", len(hash)))
		}
		copy(found[i][:], hash)
	}
	return found
}

// folder reads tiles as C2SP tlog-tiles lays them out; Go's paths have the height before the level.
type folder struct{ path string }

func (f *folder) Height() int                       { return 8 }
func (f *folder) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(f.path + "/" + path)
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func must(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}
