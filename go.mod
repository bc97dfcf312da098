module limpet.dev

go 1.26

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/mileusna/useragent v1.3.5 // indirect
)
