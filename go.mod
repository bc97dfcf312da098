module limpet.dev

go 1.26
