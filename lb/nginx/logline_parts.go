package nginx

import "limpet.dev/lb"

// LogParts are the parts of the log line (variant "njs") for who writes a whole configuration.
type LogParts struct {
	Main   string            // for the top of the configuration
	HTTP   string            // for the http block
	Format string            // the log_format's name, for access_log
	Files  map[string]string // what lies beside the configuration
}

// LogLineParts returns what Product.LogLine puts together for a user. module is the path of the njs module.
func LogLineParts(opt lb.LogLineOptions, module string) (LogParts, error) {
	w, err := newLineText(opt)
	if err != nil {
		return LogParts{}, err
	}
	return LogParts{
		Main:   "load_module " + module + ";\nenv " + w.key + ";\n",
		HTTP:   w.scriptVariables("") + w.maps() + w.format(ownLogFormat),
		Format: "limpet",
		Files:  map[string]string{scriptFile: w.script()},
	}, nil
}
