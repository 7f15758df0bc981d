{{- /* Which secrets stand in `config`, and so would stand in a ConfigMap: a list of sentences. No sentence shows one. */ -}}
{{- define "jobwatch.wrong.secrets" -}}
{{- range $name, $source := .Values.config.sources }}
{{- range $key := list "secret_id" "secret_key" "token" }}
{{- $provider := get ($source | default dict) "provider" | default dict }}
{{- if get (get $provider "credentials" | default dict) $key }}
{{ include "jobwatch.inTheClear" (list (printf "sources.%s.provider.credentials.%s" $name $key) (printf "%s_file" $key)) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $receiver := .Values.config.receivers }}
{{- include "jobwatch.wrong.receiver" (list $name ($receiver | default dict)) }}
{{- end }}
{{- range $key := list "read_token" "operate_token" }}
{{- if dig "http" $key "" $.Values.config }}
{{ include "jobwatch.inTheClear" (list (printf "http.%s" $key) (printf "%s_file" $key)) }}
{{- end }}
{{- end }}
{{- if dig "heartbeat" "url" "" .Values.config }}
{{ include "jobwatch.inTheClear" (list "heartbeat.url" "url_file") }}
{{- end }}
{{- if contains "@" (dig "egress" "proxy" "" .Values.config | default "") }}
{{ include "jobwatch.inTheClear" (list "egress.proxy" "proxy_file") }}
{{- end }}
{{- end -}}

{{- /* A receiver's URL is a secret, but on loopback, where only a container of the same pod listens. */ -}}
{{- define "jobwatch.wrong.receiver" -}}
{{- $name := index . 0 -}}
{{- $receiver := index . 1 -}}
{{- $files := dict "url" "url_file" "secrets" "secret_files" "routing_key" "routing_key_file" "headers" "header_files" -}}
{{- range $key, $file := $files }}
{{- $value := get $receiver $key -}}
{{- $loopback := and (eq $key "url") (regexMatch "^https?://(127\\.[0-9.]+|localhost|\\[::1\\])(:[0-9]+)?(/|$)" (toString $value)) -}}
{{- if and $value (not $loopback) }}
{{ include "jobwatch.inTheClear" (list (printf "receivers.%s.%s" $name $key) $file) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "jobwatch.inTheClear" -}}
- {{ printf "config.%s would stand in a ConfigMap: put it into a Secret, and write %s with the path /run/secrets/jobwatch/NAME (or set allowSecretsInConfig)" (index . 0) (index . 1) | quote }}
{{- end -}}
