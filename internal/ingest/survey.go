package ingest

import (
	"limpet.dev/lb"
)

// A Surveyed file is what was recognised in a folder.
type Surveyed struct {
	Path    string // to open
	Name    string // relative to the folder
	Kind    string // log, events, changes, config, intent, key, earlier, unknown
	Product *lb.Product
	Head    []byte // its beginning, decompressed: up to 64 KiB
}

// Survey recognises the files in a folder by their beginnings, in the order of their names.
// What cannot be read is left out.
func Survey(dir string, products []*lb.Product) ([]Surveyed, error) {
	b := &bundle{}
	if err := b.add(dir, &Options{Products: products}); err != nil {
		return nil, err
	}
	var files []Surveyed
	for _, f := range b.files {
		if f.err == nil {
			files = append(files, Surveyed{f.path, f.name, f.kind, f.product, f.head})
		}
	}
	return files, nil
}
